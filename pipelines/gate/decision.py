"""Better, not worse, worse, or too noisy to tell? And how many rows would tell?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from pipelines.config.params import GateParams
from pipelines.gate.bootstrap import Estimate, estimate
from pipelines.gate.gains import BlockGains
from pipelines.gate.repeated import level_of

__all__ = ["Decision", "Kind", "decide", "decide_gains", "limit_to_pass", "rows_to_decide"]


class Kind(StrEnum):
    """What a comparison with the champion has shown."""

    BETTER = "better"
    """The gain is above ``min_improvement`` beyond noise."""

    NOT_WORSE = "not_worse"
    """It is not shown to be better, but beyond noise it loses less than ``max_loss``."""

    WORSE = "worse"
    """The gain is below 0 beyond noise."""

    INCONCLUSIVE = "inconclusive"
    """The test rows are too few to tell."""


@dataclass(frozen=True)
class Decision:
    """The gain of a comparison, its bounds, and what they show."""

    estimate: Estimate
    level: float
    """Probability that the true gain is below ``lower``, and that it is above ``upper``, at most."""

    lower: float
    upper: float
    kind: Kind


def decide_gains(gains: BlockGains, params: GateParams, *, comparison: int) -> Decision:
    """Return what the gains by block show in the ``comparison``-th comparison with a champion, from 1."""
    found, level = estimate(gains), level_of(comparison, confidence=params.confidence)
    lower, upper = found.lower(level), found.upper(level)
    return Decision(found, level, lower, upper, decide(lower, upper, params))


def decide(lower: float, upper: float, params: GateParams) -> Kind:
    """Return what the bounds of the gain show.

    A loss that is certain but smaller than ``max_loss`` counts as not worse: that is what the margin allows.
    """
    if lower > params.min_improvement:
        return Kind.BETTER
    if lower > -params.max_loss:
        return Kind.NOT_WORSE
    return Kind.WORSE if upper < 0 else Kind.INCONCLUSIVE


def limit_to_pass(params: GateParams, *, newer: bool) -> float:
    """Return what the gain must be above beyond noise, for a candidate that was trained on newer data or not."""
    return -params.max_loss if newer and params.replace_when == "better_or_newer" else params.min_improvement


def rows_to_decide(estimate: Estimate, level: float, limit: float, *, rows: int) -> int | None:
    """Return how many test rows would show whether the gain is above ``limit``, if it stayed as it is.

    A bound is as far from the gain as one over the square root of the rows.

    Args:
        rows: number of rows that the estimate is of.

    Returns:
        rows, to two digits; None if no number of rows would, or fewer would have been enough.
    """
    distance = estimate.gain - limit
    if distance == 0:
        return None
    bound = estimate.gain - estimate.lower(level) if distance > 0 else estimate.upper(level) - estimate.gain
    needed = math.ceil(rows * (bound / distance) ** 2)
    if needed <= rows:
        return None
    step = int(10 ** max(0, len(str(needed)) - 2))
    return math.ceil(needed / step) * step
