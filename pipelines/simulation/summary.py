"""What do the comparisons of a simulation say about the gate?"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from pydantic import BaseModel, ConfigDict

from pipelines.config.params import GateParams
from pipelines.gate.decision import Kind

__all__ = ["Comparison", "Summary", "summarise"]


class Comparison(BaseModel):
    """What the gate found when it compared one retrained model with another."""

    model_config = ConfigDict(frozen=True)

    gain: float
    error: float
    lower: float
    upper: float
    kind: Kind


class Summary(BaseModel):
    """Rates over all comparisons, and what follows for ``min_improvement``."""

    model_config = ConfigDict(frozen=True)

    comparisons: int
    kinds: dict[str, int]
    better_share: float
    mean_gain: float
    gain_deviation: float
    """Standard deviation of the gains: how much two retrains differ by luck."""

    mean_error: float
    """Mean standard error of a gain: the noise of the test rows."""

    needed_improvement: float
    """Smallest ``min_improvement`` with which at most ``1 - confidence`` of these comparisons are better."""

    detected_gain: float
    """Mean gain at which nine of ten candidates would be found better, with ``min_improvement`` as it is."""


def summarise(comparisons: Sequence[Comparison], gate: GateParams) -> Summary:
    """Summarise at least two comparisons."""
    gains = np.array([one.gain for one in comparisons])
    lower = np.array([one.lower for one in comparisons])
    kinds = {kind.value: sum(one.kind is kind for one in comparisons) for kind in Kind}
    allowed = int((1 - gate.confidence) * len(comparisons) + 1e-9)
    spread = float(np.std(lower, ddof=1))
    distance = float(np.mean(gains - lower))
    return Summary(
        comparisons=len(comparisons),
        kinds=kinds,
        better_share=kinds[Kind.BETTER.value] / len(comparisons),
        mean_gain=float(gains.mean()),
        gain_deviation=float(gains.std(ddof=1)),
        mean_error=float(np.mean([one.error for one in comparisons])),
        needed_improvement=max(0.0, float(np.sort(lower)[-allowed - 1])),
        detected_gain=gate.min_improvement + distance + NormalDist().inv_cdf(0.9) * spread,
    )
