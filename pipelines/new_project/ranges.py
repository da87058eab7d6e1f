"""The range of a numeric column: wide enough for values that the table happens not to have."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["range_with_slack"]

SLACK = 0.5
"""Share of the width that is added at each end."""

TAIL, TAIL_FACTOR = 0.99, 10
"""A largest value so many times this quantile shows that there is no natural end."""


def range_with_slack(values: npt.NDArray[Any], *, is_whole: bool) -> tuple[float | None, float | None]:
    """Return the minimum and the maximum to accept; None: no natural end on this side.

    A column without values below 0 gets no minimum below 0, and one of shares gets 0 to 1.

    Args:
        values: (n,) finite numbers, at least one.
    """
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    width = (high - low) or abs(high)
    step = 10.0 ** math.floor(math.log10(width))
    minimum = _end(math.floor((low - SLACK * width) / step) * step, is_whole)
    maximum = _end(math.ceil((high + SLACK * width) / step) * step, is_whole)
    minimum, maximum = max(minimum, 0.0) if low >= 0 else minimum, min(maximum, 0.0) if high <= 0 else maximum
    below, above = np.quantile(values, [1 - TAIL, TAIL])
    return (
        None if low < 0 and low < TAIL_FACTOR * min(below, -step / TAIL_FACTOR**2) else minimum,
        None if high > 0 and high > TAIL_FACTOR * max(above, step / TAIL_FACTOR**2) else maximum,
    )


def _end(value: float, is_whole: bool) -> float:
    return float(round(value)) if is_whole else float(f"{value:.6g}")
