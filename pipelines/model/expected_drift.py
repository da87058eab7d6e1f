"""Natural variation: how much seven days can differ from the whole training period without a fault.

Seasons, weather and holidays make rows of one week depend on each other, so their PSI is far above that of independent
rows. An alert with only a fixed threshold would fire in every week of the training period itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bundle import Bins, Contract, Feature, Reference
from bundle.reference import MIN_PSI_ROWS, MISSING, OTHER, SHARE_FLOOR
from pipelines.dataset.rows import Rows

__all__ = ["WINDOW_HOURS", "add_natural_variation", "hours_of", "stability_index", "window_shares"]

WINDOW_HOURS = 7 * 24
"""The window of the rules in alerts/drift.yaml: whole weeks, so that all weekdays have equal weight."""

Floats = npt.NDArray[np.floating[Any]]
Places = npt.NDArray[np.intp]


def add_natural_variation(
    reference: Reference,
    contract: Contract,
    train: Rows,
    scored: Rows,
    *,
    time: str,
    scores: Floats,
) -> Reference:
    """Add to every feature, and to the score, its largest deviation in any seven days.

    Memory: for each row its hour and its bin, and one column.

    Args:
        reference: its bins and shares are used.
        contract: the features.
        train: training rows; used for the features.
        scored: n training rows, then newer test rows. Both are used: the test rows alone cover one season.
        time: name of the time column; without one, nothing is known.
        scores: (n,) their values of ``Task.counted``.
    """
    features, hours = {}, hours_of(train, time)
    for feature in contract.features:
        bins = reference.features[feature.name]
        features[feature.name] = _with_extremes(bins, hours, _places(train.column(feature.name), bins, feature))
    hours = hours_of(scored, time)
    score = _with_extremes(reference.score, hours, _score_places(reference.score, scores))
    return reference.model_copy(update={"features": features, "score": score})


def hours_of(rows: Rows, time: str) -> Places:
    """Return (n,) full hours since the first row."""
    times = rows.column(time)
    hours: Places = ((times - times.min()) // pd.Timedelta(hours=1)).to_numpy(dtype=np.intp)
    return hours


def window_shares(hours: Places, places: Places, bins: int) -> Floats:
    """Return (windows, bins): the shares in every window that starts at a full hour and has enough rows for a PSI."""
    length = hours.max() + 2
    counts = np.bincount((hours + 1) * bins + places, minlength=length * bins).reshape(length, bins).astype(np.float64)
    until = counts.cumsum(axis=0)
    rows = until[WINDOW_HOURS:] - until[:-WINDOW_HOURS]
    total = rows.sum(axis=1)
    enough = total >= MIN_PSI_ROWS
    shares: Floats = rows[enough] / total[enough, None]
    return shares


def stability_index(live: Floats, reference: Floats) -> Floats:
    """Return the PSI of (…, bins) shares against (bins,) others, as the rules compute it."""
    actual, expected = np.maximum(live, SHARE_FLOOR), np.maximum(reference, SHARE_FLOOR)
    index: Floats = ((actual - expected) * np.log(actual / expected)).sum(axis=-1)
    return index


def _with_extremes(bins: Bins, hours: Places, places: Places) -> Bins:
    shares = window_shares(hours, places, len(bins.labels))
    if not len(shares):
        return bins
    extremes: dict[str, Any] = {"natural_psi": float(stability_index(shares, np.asarray(bins.shares)).max())}
    if MISSING in bins.labels:
        extremes["natural_missing_share"] = float(shares[:, bins.labels.index(MISSING)].max())
    return bins.model_copy(update=extremes)


def _score_places(bins: Bins, scores: Floats) -> Places:
    if bins.edges is None:  # codes of classes, in the order of the bins
        return scores.astype(np.intp)
    return np.searchsorted(np.asarray(bins.edges, dtype=np.float32), scores.astype(np.float32), side="right")


def _places(values: pd.Series[Any], bins: Bins, feature: Feature) -> Places:
    """Return the bin of every value, as the API computes it."""
    missing = bins.labels.index(MISSING)
    if feature.type != "category":
        numbers = values.to_numpy(dtype=np.float32, na_value=np.nan)
        places = np.searchsorted(np.asarray(bins.edges or (), dtype=np.float32), numbers, side="right")
        return np.where(np.isnan(numbers), missing, places)
    known = {label: place for place, label in enumerate(bins.labels)}
    other = known.get(OTHER, missing)
    codes, texts = pd.factorize(values)
    return np.array([*(known.get(str(text), other) for text in texts), missing], dtype=np.intp)[codes]  # -1: missing
