"""Count live values into the bins of the reference, from which recording rules compute drift."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from espalier.bundle import Bins, Contract, Feature, Reference
from espalier.bundle.reference import MISSING, OTHER

__all__ = ["BinCounter", "DriftCounter"]

Vector = npt.NDArray[np.float32]


class BinCounter:
    """Puts the values of one column of the matrix into its bins."""

    def __init__(self, bins: Bins, feature: Feature | None = None) -> None:
        """Prepare the look-up; without a feature, the bins are those of the score."""
        self.labels = bins.labels
        self._missing = self.labels.index(MISSING) if MISSING in self.labels else len(self.labels) - 1
        self._edges = None if bins.edges is None else np.asarray(bins.edges, dtype=np.float32)
        self._bin_of_code = None if feature is None or feature.categories is None else self._by_code(feature.categories)

    def count(self, values: Vector) -> list[tuple[int, int]]:
        """Return (bin, how many) of every bin that is not empty."""
        present = values[~np.isnan(values)]
        if self._bin_of_code is not None:
            places = self._bin_of_code[present.astype(np.intp)]
        else:
            places = np.searchsorted(self._edges if self._edges is not None else [], present, side="right")
        counts = np.bincount(places, minlength=len(self.labels))
        counts[self._missing] += len(values) - len(present)
        return [(int(place), int(counts[place])) for place in np.flatnonzero(counts)]

    def _by_code(self, categories: dict[str, int]) -> npt.NDArray[np.intp]:
        other = self.labels.index(OTHER) if OTHER in self.labels else self._missing
        places = {label: place for place, label in enumerate(self.labels)}
        return np.array([places.get(category, other) for category in sorted(categories, key=categories.__getitem__)])


class DriftCounter:
    """The counters of every feature and of the score."""

    def __init__(self, contract: Contract, reference: Reference) -> None:
        """Prepare every column's look-up."""
        self.features = {
            feature.name: BinCounter(reference.features[feature.name], feature) for feature in contract.features
        }
        self.score = BinCounter(reference.score)
