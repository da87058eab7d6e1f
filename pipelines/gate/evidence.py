"""The numbers of a comparison with the champion: what the verdict, the log, the page and the tags are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from bundle import BinaryScores
from pipelines.config.params import GateParams
from pipelines.gate.blocks import Blocks
from pipelines.gate.decision import Kind, decide_gains, limit_to_pass, rows_to_decide
from pipelines.gate.gains import BlockGains, Metric, gains_by_block
from pipelines.gate.slices import Places, SliceGain, compare_slices
from pipelines.model.scores import calibration_bins

__all__ = ["CalibrationBin", "Evidence", "Period", "Predictions", "collect"]


@dataclass(frozen=True)
class Predictions:
    """Of (n,) rows: their labels, the probabilities and scores of champion and candidate, their blocks and slices."""

    truth: npt.NDArray[np.int8]
    theirs: npt.NDArray[np.float32]
    ours: npt.NDArray[np.float32]
    their_scores: BinaryScores
    our_scores: BinaryScores
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
    """Mean probability and share of the positive class, of the rows with a probability in one tenth."""

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
    """Length of a block, as ``1d``, or ``row``."""

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
    metric, blocks = params.compare_by, predictions.blocks
    truth = predictions.truth
    theirs, ours = predictions.theirs.astype(np.float64), predictions.ours.astype(np.float64)
    gains = gains_by_block(metric, truth, theirs, ours, blocks.numbers)
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
        block=_length(params),
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
            metric,
            (truth, theirs, ours),
            blocks,
            margin=params.max_slice_loss or 0.0,
            level=1 - params.confidence,
        ),
        periods=_periods(gains, blocks),
        calibration={"champion": _calibration(truth, theirs), "candidate": _calibration(truth, ours)},
        calibration_errors={
            "champion": predictions.their_scores.calibration_error,
            "candidate": predictions.our_scores.calibration_error,
        },
    )


def _length(params: GateParams) -> str:
    if params.block is None:
        return "row"
    hours = int(params.block.total_seconds() // 3600)
    return f"{hours // 24}d" if hours % 24 == 0 else f"{hours}h"


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


def _calibration(truth: npt.NDArray[np.int8], probabilities: npt.NDArray[np.float64]) -> tuple[CalibrationBin, ...]:
    return tuple(
        CalibrationBin(predicted=predicted / rows, observed=observed / rows, rows=rows)
        for predicted, observed, rows in zip(
            *map(np.ndarray.tolist, calibration_bins(truth, probabilities)), strict=True
        )
        if rows
    )
