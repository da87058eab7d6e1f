"""How much of a gain may be luck of the test rows? A paired bootstrap over blocks of rows.

Whole blocks are drawn with replacement, each with the rows of champion and candidate together. Every resample gives a
gain and its own standard error; the distribution of their studentised differences gives the bounds (bootstrap-t), which
follows a skewed gain where a symmetric interval does not. With few blocks the resamples vary too little, so a bound is
never closer to the gain than that of Student's t distribution.

Source: Davison, Hinkley, Bootstrap Methods and their Application, 1997, sections 2.4 and 5.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from pipelines.gate.gains import BlockGains

__all__ = ["Estimate", "estimate"]

RESAMPLES = 10_000
SEED = 0
"""Fixed, so that a comparison that is repeated gives the same verdict."""

AT_A_TIME = 1000
"""Resamples that are drawn together: 8 MB for 1,000 blocks."""

SMALLEST_LEVEL = 20 / RESAMPLES
"""Below it too few resamples are left; Student's quantiles continue with the factor that was found here."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A gain, its standard error, and how the resamples vary around it."""

    gain: float
    error: float
    blocks: int
    studentised: Floats
    """(R,) differences of the resamples from the gain, in their own standard errors; none: Student's t alone."""

    def lower(self, level: float) -> float:
        """Return the bound that the true gain is below with at most the probability ``level``, below 0.5."""
        return self.gain - self._quantile(level, self._sorted) * self.error

    def upper(self, level: float) -> float:
        """Return the bound that the true gain is above with at most the probability ``level``, below 0.5."""
        return self.gain + self._quantile(level, -self._sorted[::-1]) * self.error

    def p_below(self, limit: float) -> float:
        """Return the one-sided p-value against the hypothesis that the true gain is at least ``limit``."""
        if self.error == 0:
            return float(self.gain >= limit)
        return float(student.cdf((self.gain - limit) / self.error, self.blocks - 1))

    @cached_property
    def _sorted(self) -> Floats:
        return np.sort(self.studentised)

    def _quantile(self, level: float, values: Floats) -> float:
        degrees, nearest = self.blocks - 1, max(level, SMALLEST_LEVEL)
        if not len(values):
            return float(student.isf(level, degrees))
        factor = float(np.quantile(values, 1 - nearest)) / float(student.isf(nearest, degrees))
        return float(student.isf(level, degrees)) * max(1.0, factor)


def estimate(gains: BlockGains, *, resamples: int = RESAMPLES, seed: int = SEED) -> Estimate:
    """Estimate the gain and its noise from (B,) blocks, at least two.

    Args:
        resamples: 0 for bounds by Student's t distribution alone, which needs no time.
    """
    blocks, total = len(gains.sums), gains.sizes.sum()
    left = gains.sums - gains.gain * gains.sizes
    widen = blocks / (blocks - 1)
    error = float(np.sqrt(widen * (left**2).sum()) / total)
    if not resamples:
        return Estimate(gains.gain, error, blocks, np.empty(0))
    # Of each resample: its difference, its squares, what both have in common, its size.
    parts = np.column_stack([left, left**2, left * gains.sizes, gains.sizes**2, gains.sizes])
    random, shares = np.random.default_rng(seed), np.full(blocks, 1 / blocks)
    chunks = [min(AT_A_TIME, resamples - start) for start in range(0, resamples, AT_A_TIME)]
    drawn = np.concatenate([random.multinomial(blocks, shares, size=size) @ parts for size in chunks])
    difference = drawn[:, 0] / drawn[:, 4]
    squares = drawn[:, 1] - 2 * difference * drawn[:, 2] + difference**2 * drawn[:, 3]
    errors = np.sqrt(widen * np.maximum(squares, 0)) / drawn[:, 4]
    studentised = np.divide(difference, errors, out=np.zeros(resamples), where=errors > error * 1e-6)
    return Estimate(gains.gain, error, blocks, studentised)
