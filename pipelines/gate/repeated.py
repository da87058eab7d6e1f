"""How sure must the k-th comparison with the same champion be?

Who tries often enough is lucky once: of twenty equal models, each at a level of 0.05, one passes. So the level falls
with each comparison, and all of them together stay below it: 1/(1 x 2) + 1/(2 x 3) + 1/(3 x 4) + ... = 1.
"""

from __future__ import annotations

__all__ = ["level_of"]


def level_of(comparison: int, *, confidence: float) -> float:
    """Return the one-sided level of a comparison, counted from 1 for each champion."""
    return (1 - confidence) / (comparison * (comparison + 1))
