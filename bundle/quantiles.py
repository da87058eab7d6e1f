"""Predicted quantiles in ascending order: one function for training and serving."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["in_order"]


def in_order(quantiles: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return (n, quantiles) predictions, each row sorted.

    A model predicts each quantile by trees of its own, so for some rows a lower one can come out above a higher one.
    Sorting never makes the pinball loss larger.
    Source: Chernozhukov, Fernández-Val, Galichon, Quantile and Probability Curves without Crossing, Econometrica 78,
    2010.
    """
    return np.sort(quantiles, axis=1)
