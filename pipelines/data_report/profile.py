"""Count what the columns of a table have: in one pass their ranges, in a second one their distributions.

The memory depends on the number of columns, not of rows: of each column only a sample, and its most frequent texts, are
kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.config.schema import Schema
from pipelines.data_report.batches import Batch, Batches
from pipelines.data_report.periods import Periods, periods_of

__all__ = ["ColumnProfile", "TableProfile", "profile_table"]

BINS, MOST_WHOLE = 24, 40
TAIL = 0.005
SAMPLED = 2_000
"""Values of each batch from which the edges of a histogram come."""

MAX_TEXTS = 10_000
"""Different texts of a column that are counted apart; more are counted together."""

Floats = npt.NDArray[np.float64]


@dataclass
class ColumnProfile:
    """What one column has."""

    name: str
    kind: str
    """number, text, or the name of the type in schema.yaml."""

    missing: int = 0
    unreadable: int = 0
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    edges: list[float] = field(default_factory=list)
    """Numbers: k + 1 edges; values outside are in the first or last bin."""

    counts: list[int] = field(default_factory=list)
    texts: Counter[str] = field(default_factory=Counter)
    other: int = 0
    """Rows with texts that are not counted apart."""

    course: list[float | None] = field(default_factory=list)
    """In each period: the mean of a number, or the share of the most frequent text."""

    missing_course: list[float | None] = field(default_factory=list)
    """In each period: the share of empty cells."""


@dataclass
class TableProfile:
    """What the table has."""

    rows: int
    columns: dict[str, ColumnProfile]
    """Features, target and identifiers, in the order of schema.yaml."""

    first: pd.Timestamp | None
    last: pd.Timestamp | None
    missing_times: int
    periods: Periods | None
    """None: no time column, or no two times."""


def profile_table(batches: Batches, schema: Schema, each: Callable[[Batch], None]) -> TableProfile:
    """Profile a table.

    Args:
        each: is called with every batch of the second pass.
    """
    profile, samples = _first_pass(batches, schema)
    profile.periods = periods_of(profile.first, profile.last)
    for name, sample in samples.items():
        profile.columns[name].edges = _edges(np.concatenate(sample)) if sample else []
    _second_pass(batches, profile, each)
    return profile


def _first_pass(batches: Batches, schema: Schema) -> tuple[TableProfile, dict[str, list[Floats]]]:
    kinds = {feature.name: feature.type for feature in schema.features}
    identifiers = [column.name for column in schema.identifiers]
    names = [schema.target.name, *identifiers, *schema.feature_names]
    columns = {name: ColumnProfile(name, kinds.get(name, "identifier")) for name in names}
    columns[schema.target.name].kind = schema.target.type
    profile = TableProfile(0, columns, None, None, 0, None)
    samples: dict[str, list[Floats]] = {}
    for batch in batches:
        profile.rows += batch.rows
        _add_times(profile, batch)
        for name, numbers in batch.numbers.items():
            if name in columns:
                samples.setdefault(name, []).append(_add_numbers(columns[name], numbers, batch.unreadable[name]))
        for name, texts in batch.texts.items():
            _add_texts(columns[name], texts, counted=name not in identifiers)
    return profile, samples


def _add_times(profile: TableProfile, batch: Batch) -> None:
    if batch.times is None:
        return
    profile.missing_times += int(batch.times.isna().sum())
    times = batch.times.dropna()
    if len(times):
        profile.first = times.min() if profile.first is None else min(profile.first, times.min())
        profile.last = times.max() if profile.last is None else max(profile.last, times.max())


def _add_numbers(column: ColumnProfile, numbers: Floats, unreadable: int) -> Floats:
    """Add a batch to the range, and return some of its finite values."""
    column.missing += int(np.isnan(numbers).sum()) - unreadable
    present = numbers[np.isfinite(numbers)]
    column.unreadable += unreadable + int(np.isinf(numbers).sum())
    if len(present):
        low, high = float(present.min()), float(present.max())
        column.minimum = low if column.minimum is None else min(column.minimum, low)
        column.maximum = high if column.maximum is None else max(column.maximum, high)
    return present[:: max(1, len(present) // SAMPLED)].copy()


def _add_texts(column: ColumnProfile, texts: pd.Series[Any], *, counted: bool) -> None:
    column.missing += int(texts.isna().sum())
    if not counted:
        return
    for text, rows in texts.value_counts().items():
        if text in column.texts or len(column.texts) < MAX_TEXTS:
            column.texts[str(text)] += int(rows)
        else:
            column.other += int(rows)


def _edges(sample: Floats) -> list[float]:
    if not len(sample):
        return []
    low, high = sample.min(), sample.max()
    if high - low <= MOST_WHOLE and (sample % 1 == 0).all():
        return [float(edge) for edge in np.arange(low - 0.5, high + 1)]
    low, high = np.quantile(sample, [TAIL, 1 - TAIL])
    return [float(edge) for edge in np.linspace(low, high if high > low else low + 1, BINS + 1)]


def _second_pass(batches: Batches, profile: TableProfile, each: Callable[[Batch], None]) -> None:
    sums = {name: _Sums(column, profile.periods) for name, column in profile.columns.items()}
    for batch in batches:
        places = None if profile.periods is None or batch.times is None else profile.periods.add(batch.times)
        for name, numbers in batch.numbers.items():
            sums[name].add_numbers(numbers, places)
        for name, texts in batch.texts.items():
            sums[name].add_texts(texts, places)
        each(batch)
    for one in sums.values():
        one.finish()


class _Sums:
    """The histogram of one column, and its course over the periods."""

    def __init__(self, column: ColumnProfile, periods: Periods | None) -> None:
        self._column, self._top = column, next(iter(column.texts.most_common(1)), ("", 0))[0]
        length = 0 if periods is None else periods.count
        self._rows, self._present, self._sum = np.zeros(length), np.zeros(length), np.zeros(length)
        self._total, self._number = 0.0, 0
        self._inner = np.asarray(column.edges[1:-1])
        column.counts = [0] * max(0, len(column.edges) - 1)

    def add_numbers(self, numbers: Floats, places: npt.NDArray[np.intp] | None) -> None:
        finite = np.isfinite(numbers)
        present = numbers[finite]
        if self._column.counts:
            found = np.bincount(np.searchsorted(self._inner, present, side="right"), minlength=len(self._column.counts))
            self._column.counts = [old + int(new) for old, new in zip(self._column.counts, found, strict=True)]
        self._total, self._number = self._total + float(present.sum()), self._number + len(present)
        if places is not None:
            self._add(finite, np.where(finite, numbers, 0), places)

    def add_texts(self, texts: pd.Series[Any], places: npt.NDArray[np.intp] | None) -> None:
        if places is not None:
            is_top = (texts == self._top).to_numpy(dtype=bool, na_value=False)
            self._add(texts.notna().to_numpy(dtype=bool), is_top.astype(np.float64), places)

    def _add(self, present: npt.NDArray[np.bool_], values: Floats, places: npt.NDArray[np.intp]) -> None:
        timed, length = places >= 0, len(self._rows)
        places = places[timed]
        self._rows += np.bincount(places, minlength=length)
        self._present += np.bincount(places, weights=present[timed].astype(np.float64), minlength=length)
        self._sum += np.bincount(places, weights=values[timed], minlength=length)

    def finish(self) -> None:
        column = self._column
        column.mean = self._total / self._number if self._number else None
        if column.kind == "identifier":
            return
        column.course = _ratio(self._sum, self._present)
        column.missing_course = _ratio(self._rows - self._present, self._rows)


def _ratio(above: Floats, below: Floats) -> list[float | None]:
    return [float(one / other) if other else None for one, other in zip(above, below, strict=True)]
