"""How much better is the candidate? The gain in a metric, split by blocks of rows.

A gain above 0 means that the candidate is better, whatever the metric. Log loss and Brier score are means over rows, so
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
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

__all__ = ["HIGHER_IS_BETTER", "BlockGains", "Metric", "gains_by_block"]

Metric = Literal["log_loss", "brier", "roc_auc", "pr_auc"]
Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]
Numbers = npt.NDArray[np.int64]

HIGHER_IS_BETTER: dict[Metric, bool] = {"roc_auc": True, "pr_auc": True, "log_loss": False, "brier": False}


@dataclass(frozen=True)
class BlockGains:
    """Sum of the gains (B,) and number of parts (B,) of every block; their quotient over all blocks is the gain."""

    sums: Floats
    sizes: Floats

    @property
    def gain(self) -> float:
        """The gain over all blocks."""
        return float(self.sums.sum() / self.sizes.sum())


def gains_by_block(metric: Metric, truth: Labels, theirs: Floats, ours: Floats, blocks: Numbers) -> BlockGains:
    """Return the gain of ``ours`` over ``theirs`` by block.

    Args:
        truth: (n,) labels; both classes for the two AUCs.
        theirs, ours: (n,) probabilities of champion and candidate for the same rows.
        blocks: (n,) number of the block of each row, from 0 without gaps.
    """
    if metric == "pr_auc":
        return _jackknife(truth, theirs, ours, blocks)
    if metric == "roc_auc":
        by_row = _auc_parts(truth, ours) - _auc_parts(truth, theirs)
    else:
        loss = _log_losses if metric == "log_loss" else _squares
        by_row = loss(truth, theirs) - loss(truth, ours)
    return BlockGains(np.bincount(blocks, weights=by_row).astype(np.float64), np.bincount(blocks).astype(np.float64))


def _log_losses(truth: Labels, probabilities: Floats) -> Floats:
    tiny = np.finfo(np.float64).eps  # as scikit-learn's log_loss
    likely = np.clip(probabilities, tiny, 1 - tiny)
    return np.asarray(-np.log(np.where(truth == 1, likely, 1 - likely)))


def _squares(truth: Labels, probabilities: Floats) -> Floats:
    return np.asarray((probabilities - truth) ** 2)


def _auc_parts(truth: Labels, probabilities: Floats) -> Floats:
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


def _jackknife(truth: Labels, theirs: Floats, ours: Floats, blocks: Numbers) -> BlockGains:
    count = int(blocks.max()) + 1
    values = _pr_aucs(truth, ours, blocks, count) - _pr_aucs(truth, theirs, blocks, count)
    gain, without = values[0], values[1:]
    parts = count * gain - (count - 1) * without
    return BlockGains(parts - parts.mean() + gain, np.ones(count))


def _pr_aucs(truth: Labels, probabilities: Floats, blocks: Numbers, count: int) -> Floats:
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
