"""Is the candidate worse than the champion in a part of the rows?

Each slice that ``evaluate`` reports gets a one-sided test of the hypothesis that it loses no more than
``max_slice_loss``. Among many slices some look bad by chance, so Holm's method corrects the p-values: the probability
that any harmless slice rejects the model stays below the level.

Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6, 1979.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from pipelines.gate.blocks import MIN_BLOCKS, Blocks
from pipelines.gate.bootstrap import estimate
from pipelines.gate.gains import Measure
from pipelines.targets.task import Outputs, Truth

__all__ = ["Places", "SliceGain", "compare_slices", "holm"]

Places = tuple[str, str, npt.NDArray[np.int64]]
"""Column and value of a slice, and the places of its rows."""


class SliceGain(BaseModel):
    """The gain in one slice."""

    model_config = ConfigDict(frozen=True)

    column: str
    value: str
    rows: int
    blocks: int
    gain: float
    lower: float
    upper: float
    p: float
    """That a slice which loses no more than the margin looks at least this bad; corrected for the number of slices."""


def compare_slices(
    slices: Sequence[Places],
    measure: Measure,
    predictions: tuple[Truth, Outputs, Outputs],
    blocks: Blocks,
    *,
    margin: float,
    level: float,
) -> tuple[SliceGain, ...]:
    """Compare champion and candidate in every slice with enough blocks, and with both classes if the metric needs them.

    Args:
        predictions: true values, and what the champion and the candidate predict.
        margin: loss that is allowed.
        level: of the bounds.
    """
    labels, champion, candidate = predictions
    found = []
    for column, value, places in slices:
        truth, theirs, ours = labels[places], champion[places], candidate[places]
        inside = blocks.of(places)
        if inside.count < MIN_BLOCKS or not measure.is_defined(truth):
            continue
        gain = estimate(measure.gains(truth, theirs, ours, inside.numbers), resamples=0)
        found.append(
            SliceGain(
                column=column,
                value=value,
                rows=len(places),
                blocks=inside.count,
                gain=gain.gain,
                lower=gain.lower(level),
                upper=gain.upper(level),
                p=gain.p_below(-margin),
            )
        )
    corrected = holm([slice_.p for slice_ in found])
    return tuple(slice_.model_copy(update={"p": p}) for slice_, p in zip(found, corrected, strict=True))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values corrected for their number: the smallest times m, the next times m - 1, never falling."""
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected
