"""Count live values into the bins of the reference, from which recording rules compute drift."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter

import numpy as np
import numpy.typing as npt

from bundle import Bins, Contract, Feature, Reference
from bundle.reference import MISSING, OTHER

__all__ = ["BinCounter", "DriftCounter"]

Vector = npt.NDArray[np.float32]

SMALL_BATCH_ROWS = 8
"""Up to this many values are counted one by one: for a single row, NumPy's calls cost ten times as much."""


class BinCounter:
    """Assigns the values of one column of the matrix to bins."""

    def __init__(self, bins: Bins, feature: Feature | None = None) -> None:
        """Prepare the lookup; without a feature, the bins are those of the score."""
        self.labels = bins.labels
        self._missing = self.labels.index(MISSING) if MISSING in self.labels else len(self.labels) - 1
        self._edges = np.asarray(bins.edges or (), dtype=np.float32)
        self._edge_list = self._edges.tolist()
        categories = None if feature is None else feature.categories
        self._bin_of_code = None if categories is None else self._by_code(categories)

    def count(self, values: Vector) -> list[tuple[int, int]]:
        """Return (bin, count) of every bin that is not empty."""
        if len(values) <= SMALL_BATCH_ROWS:
            return list(Counter(map(self._place, values.tolist())).items())
        present = values[~np.isnan(values)]
        if self._bin_of_code is not None:
            places = np.asarray(self._bin_of_code)[present.astype(np.intp)]
        else:
            places = np.searchsorted(self._edges, present, side="right")
        counts = np.bincount(places, minlength=len(self.labels))
        counts[self._missing] += len(values) - len(present)
        return [(int(place), int(counts[place])) for place in np.flatnonzero(counts)]

    def _place(self, value: float) -> int:
        if math.isnan(value):
            return self._missing
        if self._bin_of_code is not None:
            return self._bin_of_code[int(value)]
        return bisect_right(self._edge_list, value)

    def _by_code(self, categories: dict[str, int]) -> list[int]:
        other = self.labels.index(OTHER) if OTHER in self.labels else self._missing
        places = {label: place for place, label in enumerate(self.labels)}
        return [places.get(category, other) for category in sorted(categories, key=categories.__getitem__)]


class DriftCounter:
    """The counters of every feature and of the score."""

    def __init__(self, contract: Contract, reference: Reference) -> None:
        """Prepare the lookup of every column."""
        self.features = {
            feature.name: BinCounter(reference.features[feature.name], feature) for feature in contract.features
        }
        self.score = BinCounter(reference.score)
