"""Are predictions right on average? Bins of predictions, with what was predicted and observed in each."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["BinSums", "calibration_bins", "calibration_error", "tenths"]

Floats = npt.NDArray[np.float64]

BinSums = tuple[Floats, Floats, npt.NDArray[np.int64]]
"""Sums of the predictions and of the true values, and the number of rows, of each bin: (bins,) each."""


def calibration_error(truth: npt.NDArray[Any], probabilities: Floats, bins: int = 10) -> float:
    """Return the mean difference between predicted and observed share, over equal-width bins, weighted by rows.

    Source: Naeini, Cooper, Hauskrecht, Obtaining Well Calibrated Probabilities Using Bayesian Binning, AAAI 2015.
    """
    predicted, observed, _rows = calibration_bins(truth, probabilities, bins)
    return float(np.abs(predicted - observed).sum() / len(truth))


def calibration_bins(truth: npt.NDArray[Any], probabilities: Floats, bins: int = 10) -> BinSums:
    """Put rows into bins of equal width by their probability.

    Args:
        truth: (n,) 1 where what the probability is of has happened, else 0.
    """
    places = np.minimum((probabilities * bins).astype(int), bins - 1)
    return _sums(places, truth, probabilities, bins)


def tenths(truth: npt.NDArray[Any], values: Floats) -> BinSums:
    """Put rows into ten bins of about as many rows each, by their predicted value; fewer if values repeat."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, 11)[1:-1]))
    return _sums(np.searchsorted(edges, values, side="right"), truth, values, len(edges) + 1)


def _sums(places: npt.NDArray[np.intp], truth: npt.NDArray[Any], predictions: Floats, bins: int) -> BinSums:
    predicted = np.bincount(places, weights=predictions, minlength=bins)
    observed = np.bincount(places, weights=truth, minlength=bins)
    rows = np.bincount(places, minlength=bins)
    return predicted.astype(np.float64), observed.astype(np.float64), rows.astype(np.int64)
