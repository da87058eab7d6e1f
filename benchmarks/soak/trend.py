"""Whether something grows: a straight line through the second half of its samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Trend", "second_half", "trend_of"]

MIN_SAMPLES = 3


@dataclass(frozen=True)
class Trend:
    """A least-squares line."""

    slope: float
    """Per unit of x."""

    error: float
    """Standard error of the slope. Samples that follow each other are alike, so the true one is somewhat larger."""

    @property
    def is_noise(self) -> bool:
        """Whether a slope of zero is within two standard errors."""
        return abs(self.slope) <= 2 * self.error


def trend_of(x: Sequence[float], y: Sequence[float]) -> Trend:
    """Fit a line through at least three points.

    Raises:
        ValueError: there are fewer, or all have the same x.
    """
    number = len(x)
    if number != len(y) or number < MIN_SAMPLES:
        raise ValueError(f"a trend needs at least {MIN_SAMPLES} samples, not {number}")
    mean_x, mean_y = math.fsum(x) / number, math.fsum(y) / number
    spread = math.fsum((one - mean_x) ** 2 for one in x)
    if not spread:
        raise ValueError("all samples are at the same place")
    slope = math.fsum((one - mean_x) * (value - mean_y) for one, value in zip(x, y, strict=True)) / spread
    residuals = [value - mean_y - slope * (one - mean_x) for one, value in zip(x, y, strict=True)]
    variance = math.fsum(one * one for one in residuals) / (number - 2)
    return Trend(slope, math.sqrt(variance / spread))


def second_half(x: Sequence[float]) -> int:
    """Return the index of the first sample of the second half, by x and not by number."""
    middle = (x[0] + x[-1]) / 2
    return next(place for place, one in enumerate(x) if one >= middle)
