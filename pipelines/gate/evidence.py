"""The numbers of a comparison with the champion: what the verdict, the log, the page and the tags are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from bundle.metrics import Scores
from pipelines.config.params import GateParams, Metric
from pipelines.gate.blocks import Blocks
from pipelines.gate.decision import Kind, decide_gains, limit_to_pass, rows_to_decide
from pipelines.gate.gains import BlockGains, Measure
from pipelines.gate.slices import Places, SliceGain, compare_slices
from pipelines.targets.calibration import BinSums
from pipelines.targets.task import Outputs, Task, Truth

__all__ = ["CalibrationBin", "Evidence", "Period", "Predictions", "collect"]


@dataclass(frozen=True)
class Predictions:
    """Of n rows: their true values, the predictions and scores of champion and candidate, their blocks and slices."""

    task: Task[Any]
    truth: Truth
    theirs: Outputs
    ours: Outputs
    their_scores: Scores
    our_scores: Scores
    blocks: Blocks
    slices: Sequence[Places] = ()


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Period(_Part):
    """The gain in one block of time."""

    start: str
    rows: int
    gain: float


class CalibrationBin(_Part):
    """What was predicted and observed, on average, for the rows of one bin.

    Classes: a probability (of the positive, or of the predicted class) and a share. Regression: values.
    """

    predicted: float
    observed: float
    rows: int


class Evidence(_Part):
    """How the candidate compares with the champion on the same rows. A gain above 0 means that it is better."""

    champion_version: str
    comparison: int
    """Number of this comparison among all with this champion, from 1."""

    metric: Metric
    champion: float
    candidate: float
    gain: float
    error: float
    """Standard error of the gain, over blocks."""

    lower: float
    upper: float
    level: float
    """Probability that the true gain is below ``lower``, and that it is above ``upper``, at most."""

    rows: int
    """Number of compared rows: those that neither model was trained on."""

    test_rows: int
    blocks: int
    block: str
    """Length of a block, as ``1d``; ``row``; or the column whose rows stay together."""

    neighbours: float | None
    """Correlation of the gains of neighbouring blocks; None if blocks have no order."""

    min_improvement: float
    max_loss: float
    """The margins of params.yaml at that time."""

    kind: Kind
    newer: bool
    """Whether the candidate was trained on newer rows than the champion."""

    rows_to_decide: int | None
    slices: tuple[SliceGain, ...] = ()
    periods: tuple[Period, ...] = ()
    calibration: dict[str, tuple[CalibrationBin, ...]] = {}
    """Of ``champion`` and ``candidate``, on the compared rows."""

    calibration_errors: dict[str, float] = {}
    """Classes."""

    coverages: dict[str, float] = {}
    """Regression with an interval: the share of the true values inside it."""

    are_probabilities: bool = True
    """Whether the predictions are probabilities of classes, and not values."""

    @property
    def are_equal(self) -> bool:
        """Whether both models predict the same for every row."""
        return self.gain == 0 and self.error == 0

    @property
    def neighbours_are_alike(self) -> bool:
        """Whether neighbouring blocks depend on each other beyond noise, so that blocks should be longer."""
        return self.neighbours is not None and self.neighbours > 2 / np.sqrt(self.blocks)


def collect(
    predictions: Predictions,
    params: GateParams,
    *,
    champion_version: str,
    comparison: int,
    newer: bool,
    test_rows: int,
) -> Evidence:
    """Compare two models; there must be enough blocks."""
    task, metric, blocks = predictions.task, params.compare_by, predictions.blocks
    truth = predictions.truth
    theirs, ours = predictions.theirs.astype(np.float64), predictions.ours.astype(np.float64)
    measure = Measure(task, metric)
    gains = measure.gains(truth, theirs, ours, blocks.numbers)
    decision = decide_gains(gains, params, comparison=comparison)
    limit = limit_to_pass(params, newer=newer)
    return Evidence(
        champion_version=champion_version,
        comparison=comparison,
        metric=metric,
        champion=getattr(predictions.their_scores, metric),
        candidate=getattr(predictions.our_scores, metric),
        gain=decision.estimate.gain,
        error=decision.estimate.error,
        lower=decision.lower,
        upper=decision.upper,
        level=decision.level,
        rows=len(truth),
        test_rows=test_rows,
        blocks=blocks.count,
        block=blocks.unit,
        neighbours=_neighbours(gains) if blocks.starts else None,
        min_improvement=params.min_improvement,
        max_loss=params.max_loss,
        kind=decision.kind,
        newer=newer,
        rows_to_decide=rows_to_decide(decision.estimate, decision.level, limit, rows=len(truth))
        if decision.kind is Kind.INCONCLUSIVE
        else None,
        slices=compare_slices(
            predictions.slices,
            measure,
            (truth, theirs, ours),
            blocks,
            margin=params.max_slice_loss or 0.0,
            level=1 - params.confidence,
        ),
        periods=_periods(gains, blocks),
        calibration={
            "champion": _calibration(task.calibration(truth, theirs)),
            "candidate": _calibration(task.calibration(truth, ours)),
        },
        are_probabilities=bool(task.target.classes),
        calibration_errors=_of_both(predictions, "calibration_error"),
        coverages=_of_both(predictions, "coverage"),
    )


def _neighbours(gains: BlockGains) -> float | None:
    left = gains.sums / gains.sizes - gains.gain
    spread = float((left**2).sum())
    return float((left[1:] * left[:-1]).sum() / spread) if spread else None


def _periods(gains: BlockGains, blocks: Blocks) -> tuple[Period, ...]:
    rows, means = np.bincount(blocks.numbers), gains.sums / gains.sizes
    return tuple(
        Period(start=start, rows=int(rows[number]), gain=float(means[number]))
        for number, start in enumerate(blocks.starts)
    )


def _of_both(predictions: Predictions, score: str) -> dict[str, float]:
    """Return a score of champion and candidate, of those that have it."""
    both = {"champion": predictions.their_scores, "candidate": predictions.our_scores}
    values = {name: scores.figures.get(score) for name, scores in both.items()}
    return {name: value for name, value in values.items() if value is not None}


def _calibration(bins: BinSums) -> tuple[CalibrationBin, ...]:
    return tuple(
        CalibrationBin(predicted=predicted / rows, observed=observed / rows, rows=rows)
        for predicted, observed, rows in zip(*map(np.ndarray.tolist, bins), strict=True)
        if rows
    )
