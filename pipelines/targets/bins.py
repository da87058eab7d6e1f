"""Bins of numbers and of classes, for the reference that drift is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from bundle import Bins

__all__ = [
    "class_bins",
    "count_values",
    "equal_width_bins",
    "quantile_bins",
    "quantile_edges",
    "range_labels",
    "shares_of",
]

Floats = npt.NDArray[np.float32]

RARE = 0.001
"""Largest share of the training rows in each of the two outer bins."""

SMALL, LARGE = 1e-4, 1e16
"""Numbers between them are written without an exponent."""


def equal_width_bins(probabilities: Floats, bins: int) -> Bins:
    """Return ``bins`` bins of equal width between 0 and 1."""
    edges = _as_float32(np.linspace(0, 1, bins + 1)[1:-1])
    return Bins(labels=_labels(edges), shares=shares_of(count_values(probabilities, edges)), edges=edges)


def quantile_bins(values: Floats, bins: int) -> Bins:
    """Return about ``bins`` bins of about equal shares, and one for rare values at each end."""
    edges = quantile_edges(values, bins)
    return Bins(labels=range_labels(edges), shares=shares_of(count_values(values, edges)), edges=edges)


def class_bins(codes: npt.NDArray[Any], classes: Sequence[str]) -> Bins:
    """Return one bin for each class, in the order of their codes."""
    counts = np.bincount(codes.astype(np.intp), minlength=len(classes))
    return Bins(labels=tuple(classes), shares=shares_of(counts.tolist()))


def quantile_edges(present: Floats, bins: int) -> tuple[float, ...]:
    """Return quantiles, so that bins have about equal shares; fewer bins if values repeat. An extra bin at each end
    holds values that were rare in training: a changed unit shows there first."""
    if not len(present):
        return ()
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    edges = _as_float32(np.quantile(present, [RARE, *inner, 1 - RARE]))
    beyond = float(
        np.nextafter(np.float32(edges[-1]), np.float32(np.inf))
    )  # the last bin excludes the last quantile itself
    return tuple(sorted({*edges[:-1], beyond}))


def count_values(values: Floats, edges: Sequence[float]) -> list[int]:
    """Return the number of values in each of the bins that the edges make."""
    places = np.searchsorted(np.asarray(edges, dtype=np.float32), values, side="right")
    return [int(count) for count in np.bincount(places, minlength=len(edges) + 1)]


def shares_of(counts: Sequence[int]) -> tuple[float, ...]:
    """Return counts as shares of their sum."""
    total = sum(counts)
    return tuple(count / total for count in counts)


def range_labels(edges: tuple[float, ...]) -> tuple[str, ...]:
    """Return labels for bins whose last edge lies just above a quantile: the label shows the quantile."""
    if not edges:
        return ("any",)
    texts = [_text(edge) for edge in edges[:-1]]
    texts.append(_text(float(np.nextafter(np.float32(edges[-1]), np.float32(-np.inf)))))
    between = [f"{low} to {high}" for low, high in pairwise(texts)]
    return (f"below {texts[0]}", *between, f"above {texts[-1]}")


def _labels(edges: tuple[float, ...]) -> tuple[str, ...]:
    texts = [_text(edge) for edge in edges]
    between = [f"{low} to {high}" for low, high in pairwise(texts)]
    return (f"below {texts[0]}", *between, f"{texts[-1]} and above")


def _text(edge: float) -> str:
    """Return the shortest text that identifies this float32, so that labels are unique."""
    return np.format_float_positional(np.float32(edge), trim="-") if SMALL <= abs(edge) < LARGE else f"{edge:.9g}"


def _as_float32(values: npt.NDArray[np.floating[Any]]) -> tuple[float, ...]:
    # The API bins float32 values; an edge between two of them would count differently.
    return tuple(float(np.float32(value)) for value in values)
