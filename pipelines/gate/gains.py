"""How much better is the candidate? The gain in a metric, split by blocks of rows.

A gain above 0 means that the candidate is better, whatever the metric. Most metrics are means of losses over rows, so
their gain is the mean of the rows' gains. ROC AUC compares pairs of rows: each row contributes by its placement value,
the share of rows of the other class that it is on the right side of. Precision-recall AUC has no such sum: each block
contributes by what changes when it is left out (jackknife pseudo-value).

Sources: DeLong, DeLong, Clarke-Pearson, Comparing the Areas under Two or More Correlated ROC Curves, Biometrics 44,
1988. Obuchowski, Nonparametric Analysis of Clustered ROC Curve Data, Biometrics 53, 1997. Sun, Xu, Fast Implementation
of DeLong's Algorithm, IEEE Signal Processing Letters 21, 2014. Efron, Tibshirani, An Introduction to the Bootstrap,
1993, chapter 11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from pipelines.config.params import Metric
from pipelines.targets.task import Outputs, Task, Truth

__all__ = ["HIGHER_IS_BETTER", "BlockGains", "Measure"]

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]
Numbers = npt.NDArray[np.int64]

HIGHER_IS_BETTER: tuple[Metric, ...] = ("roc_auc", "pr_auc")
"""The areas under curves, of two classes. They need rows of both; all other metrics are means of losses over rows."""


@dataclass(frozen=True)
class BlockGains:
    """Sum of the gains (B,) and number of parts (B,) of every block; their quotient over all blocks is the gain."""

    sums: Floats
    sizes: Floats

    @property
    def gain(self) -> float:
        """The gain over all blocks."""
        return float(self.sums.sum() / self.sizes.sum())


@dataclass(frozen=True)
class Measure:
    """What two models are compared by: a metric of one type of target."""

    task: Task[Any]
    metric: Metric

    def is_defined(self, truth: Truth) -> bool:
        """Whether the metric is defined on rows with these true values."""
        return self.metric not in HIGHER_IS_BETTER or len(np.unique(truth)) > 1

    def gains(self, truth: Truth, theirs: Outputs, ours: Outputs, blocks: Numbers) -> BlockGains:
        """Return the gain of ``ours`` over ``theirs`` by block.

        Args:
            truth: (n,) true values, for which the metric is defined.
            theirs, ours: what champion and candidate predict for the same rows, as 64-bit numbers.
            blocks: (n,) number of the block of each row, from 0 without gaps.
        """
        if self.metric == "pr_auc":
            return _jackknife(truth, theirs, ours, blocks)
        if self.metric == "roc_auc":
            by_row: Floats = _auc_parts(truth, ours) - _auc_parts(truth, theirs)
        else:
            by_row = self.task.row_losses(self.metric, truth, theirs) - self.task.row_losses(self.metric, truth, ours)
        sums, sizes = np.bincount(blocks, weights=by_row), np.bincount(blocks)
        return BlockGains(sums.astype(np.float64), sizes.astype(np.float64))


def _auc_parts(truth: Labels, probabilities: Outputs) -> Floats:
    """Return (n,) values whose mean is the ROC AUC, and whose differences from it are the rows' influence on it."""
    positive = truth == 1
    placement = np.empty(len(truth))
    ranks = rankdata(probabilities)
    for of_class in (positive, ~positive):
        others = len(truth) - of_class.sum()
        placement[of_class] = (ranks[of_class] - rankdata(probabilities[of_class])) / others
    placement[~positive] = 1 - placement[~positive]
    auc = placement[positive].mean()
    shares = np.where(positive, positive.mean(), 1 - positive.mean())
    return np.asarray(auc + (placement - auc) / shares)


def _jackknife(truth: Labels, theirs: Outputs, ours: Outputs, blocks: Numbers) -> BlockGains:
    count = int(blocks.max()) + 1
    values = _pr_aucs(truth, ours, blocks, count) - _pr_aucs(truth, theirs, blocks, count)
    gain, without = values[0], values[1:]
    parts = count * gain - (count - 1) * without
    return BlockGains(parts - parts.mean() + gain, np.ones(count))


def _pr_aucs(truth: Labels, probabilities: Outputs, blocks: Numbers, count: int) -> Floats:
    """Return (1 + B,) areas: over all rows, then without each block."""
    order = np.argsort(-probabilities, kind="stable")
    hit, block = truth[order] == 1, blocks[order]
    ends = np.append(np.flatnonzero(np.diff(probabilities[order])), len(truth) - 1)
    areas = [_pr_auc(hit, np.ones(len(truth), dtype=bool), ends)]
    areas += [_pr_auc(hit, block != number, ends) for number in range(count)]
    return np.array(areas)


def _pr_auc(hit: npt.NDArray[np.bool_], kept: npt.NDArray[np.bool_], ends: Numbers) -> float:
    """Return the average precision of the kept rows, which are sorted by falling probability.

    Args:
        ends: place of the last row of each distinct probability.
    """
    hits, rows = np.cumsum(hit & kept)[ends], np.cumsum(kept)[ends]
    if hits[-1] == 0:
        return 0.0
    return float((np.diff(hits, prepend=0) * hits / np.maximum(rows, 1)).sum() / hits[-1])
