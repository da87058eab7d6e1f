"""Count live values into the bins of the reference, from which recording rules compute drift."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate
from operator import getitem
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bundle import Bins, Contract, Reference
from bundle.reference import MISSING, OTHER

__all__ = ["SMALL_BATCH_ROWS", "BinCounter", "DriftCounter"]

Vector = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float32]

SMALL_BATCH_ROWS = 4
"""Up to this many rows are counted value by value: for a single row, NumPy's calls cost more."""


BLOCK_ROWS = 1024
"""Rows that are counted at a time, which bounds the memory of the comparison."""


class _Lookup(NamedTuple):
    """Where the values of one column are counted, in the list of all features' bins."""

    begin: int
    missing: int
    edges: list[float]
    places: list[int] | None
    """Of each category's code; None for numbers, which ``edges`` divide."""

    def place(self, value: float) -> int:
        """Return where a value that is not missing is counted."""
        return self.begin + bisect_right(self.edges, value) if self.places is None else self.places[int(value)]

    @property
    def steps(self) -> tuple[list[float], list[int]]:
        """The same as edges of intervals, and where the values of each interval are counted. Codes are such values."""
        if self.places is None:
            return self.edges, list(range(self.begin, self.begin + len(self.edges) + 1))
        return [float(code) for code in range(1, len(self.places))], self.places


class BinCounter:
    """Assigns the values of one column of the matrix to bins."""

    def __init__(self, bins: Bins, categories: Mapping[str, int] | None = None) -> None:
        """Prepare the lookup; the values are codes of these categories, or numbers if there are none."""
        self.labels = bins.labels
        self._missing = self.labels.index(MISSING) if MISSING in self.labels else len(self.labels) - 1
        self._edges = np.asarray(bins.edges or (), dtype=np.float32)
        self._edge_list = self._edges.tolist()
        self._bin_of_code = None if categories is None else self._by_code(categories)

    def count(self, values: Vector) -> list[tuple[int, int]]:
        """Return (bin, count) of every bin that is not empty."""
        if len(values) <= SMALL_BATCH_ROWS:
            return list(Counter(map(self.place, values.tolist())).items())
        present = values[~np.isnan(values)]
        if self._bin_of_code is not None:
            places = np.asarray(self._bin_of_code)[present.astype(np.intp)]
        else:
            places = np.searchsorted(self._edges, present, side="right")
        counts = np.bincount(places, minlength=len(self.labels))
        counts[self._missing] += len(values) - len(present)
        return [(int(place), int(counts[place])) for place in np.flatnonzero(counts)]

    def lookup(self, begin: int) -> _Lookup:
        """Return the same lookup in a list of bins in which those of this column start at ``begin``."""
        places = None if self._bin_of_code is None else [begin + place for place in self._bin_of_code]
        return _Lookup(begin, begin + self._missing, self._edge_list, places)

    def place(self, value: float) -> int:
        """Return the bin of one value."""
        if math.isnan(value):
            return self._missing
        if self._bin_of_code is not None:
            return self._bin_of_code[int(value)]
        return bisect_right(self._edge_list, value)

    def _by_code(self, categories: Mapping[str, int]) -> list[int]:
        other = self.labels.index(OTHER) if OTHER in self.labels else self._missing
        places = {label: place for place, label in enumerate(self.labels)}
        return [places.get(category, other) for category in sorted(categories, key=categories.__getitem__)]


class DriftCounter:
    """The bins of every feature, one after the other in one list, and those of the score."""

    def __init__(self, contract: Contract, reference: Reference) -> None:
        """Prepare the lookup of every column."""
        self.features = {
            feature.name: BinCounter(reference.features[feature.name], feature.categories)
            for feature in contract.features
        }
        classes = {label: code for code, label in enumerate(contract.target.classes)}
        # The score is a number, or if there are more than two classes the predicted one.
        self.score = BinCounter(reference.score, None if reference.score.edges is not None else classes)
        counters = list(self.features.values())
        begins = [0, *accumulate(len(counter.labels) for counter in counters)]
        self.bins = begins.pop()
        """The number of bins of all features."""
        self._columns = [counter.lookup(begin) for counter, begin in zip(counters, begins, strict=True)]
        self._steps, self._cells = zip(*[column.steps for column in self._columns], strict=True)
        self._numbers = [index for index, column in enumerate(self._columns) if column.places is None]
        numbers = [self._columns[index] for index in self._numbers]
        self._edges = _padded([column.edges for column in numbers])
        self._missing = np.array([column.missing for column in numbers], dtype=np.intp)
        inside = [(place, row) for row, column in enumerate(numbers) for place in range(len(column.edges) + 1)]
        self._inside = np.array(inside, dtype=np.intp).reshape(-1, 2).T
        self._bins = np.array([numbers[row].begin + place for place, row in inside], dtype=np.intp)

    def add_row(self, row: Sequence[float], values: memoryview[float], begin: int) -> None:
        """Add one row to the counts that start at ``begin``. For few rows, NumPy's calls cost more than the work."""
        if math.isnan(sum(row)):  # a value is missing
            pairs = zip(row, self._columns, strict=True)
            places = [column.missing if math.isnan(value) else column.place(value) for value, column in pairs]
        else:
            places = list(map(getitem, self._cells, map(bisect_right, self._steps, row)))
        for place in places:
            values[begin + place] += 1

    def count(self, matrix: Matrix) -> npt.NDArray[np.int64]:
        """Return (bins,) counts of (n, features) values."""
        counts = np.zeros(self.bins, dtype=np.int64)
        if self._numbers:
            self._count_numbers(matrix, counts)
        for index, column in enumerate(self._columns):
            if column.places is not None:
                counts += self._category_counts(matrix[:, index], column)
        return counts

    def _count_numbers(self, matrix: Matrix, counts: npt.NDArray[np.int64]) -> None:
        """Add the values of numeric features: those of a bin are above its lower edge, less those above the next one.

        Comparing and adding bytes takes half the time of looking up the bin of each value.
        """
        above = np.zeros((len(self._edges) + 2, len(self._numbers)), dtype=np.int64)
        """How many values are present, at or above each edge, and above the last one (none)."""
        for begin in range(0, len(matrix), BLOCK_ROWS):
            values = np.ascontiguousarray(matrix[begin : begin + BLOCK_ROWS].T)
            if len(values) > len(self._numbers):
                values = values[self._numbers]
            above[0] += _count_true(values == values)  # noqa: PLR0124 (NaN)
            above[1:-1] += _count_true(values >= self._edges)
        inside = above[:-1] - above[1:]
        counts[self._bins] += inside[self._inside[0], self._inside[1]]
        counts[self._missing] += len(matrix) - above[0]

    def _category_counts(self, codes: Vector, column: _Lookup) -> npt.NDArray[np.int64]:
        present = codes[~np.isnan(codes)].astype(np.intp)
        counts = np.bincount(np.asarray(column.places)[present], minlength=self.bins)
        counts[column.missing] += len(codes) - len(present)
        return counts


def _count_true(found: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint16]:
    """Return how many are true of the last axis, which has at most 65,535."""
    counts: npt.NDArray[np.uint16] = np.add.reduce(found.view(np.uint8), axis=-1, dtype=np.uint16)
    return counts


def _padded(edges: list[list[float]]) -> npt.NDArray[np.float32]:
    """Return (most edges, features, 1), filled up with NaN, which no value reaches."""
    height = max(map(len, edges), default=0)
    filled = [[*column, *[math.nan] * (height - len(column))] for column in edges]
    return np.array(filled, dtype=np.float32).reshape(len(edges), height).T[:, :, None].copy()
