"""The order of predicted quantiles, for everybody who makes answers or scores of them. It needs NumPy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["in_order"]


def in_order(outputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return (n, quantiles) outputs of a model with those of each row in ascending order.

    A model is fitted for every quantile on its own, so that for some rows a lower one may be above a higher one.
    Sorting them never increases the pinball loss.
    Source: Chernozhukov, Fernández-Val, Galichon, Quantile and Probability Curves Without Crossing, Econometrica 78,
    2010.
    """
    return np.sort(outputs, axis=1)
