"""What a column has: numbers, truth values, times, texts, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from pipelines.dataset.columns import LARGEST
from pipelines.dataset.times import WITH_ZONE

__all__ = ["Kind", "Values", "look_at"]

Kind = Literal["empty", "number", "bool", "time", "text", "other"]

MOSTLY = 0.9
"""A column in which this share of the cells are numbers has wrong cells, and is not a column of texts."""

MAX_ODD = 5
TRUTH = {"true": 1.0, "false": 0.0}
DATE = r"^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?$"
OTHER_DATE = r"^\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}(?: \d{1,2}:\d{2}.*)?$"


@dataclass(frozen=True)
class Values:
    """The cells of one column, as what they are."""

    name: str
    kind: Kind
    cells: pd.Series[Any]
    """Numbers and truth values as float64, times as datetime64 without a time zone, others as they were read."""

    missing: int
    distinct: int
    is_whole: bool = False
    """Numbers: all are whole."""

    odd: tuple[str, ...] = ()
    """Texts among numbers or times, such as NA or ?."""

    zone: str = ""
    """Times: the time zone that they have; empty: none."""

    @property
    def rows(self) -> int:
        """How many cells are not empty."""
        return len(self.cells) - self.missing

    @property
    def missing_share(self) -> float:
        """Share of the empty cells."""
        return self.missing / len(self.cells)


def look_at(column: pd.Series[Any]) -> Values:
    """Tell what a column has."""
    name, dtype = str(column.name), column.dtype
    if column.isna().all():
        return Values(name, "empty", column, len(column), 0)
    if isinstance(dtype, pd.CategoricalDtype):
        return look_at(column.astype(object))
    if pd.api.types.is_bool_dtype(dtype):
        return _values("bool", column.astype("float64"))
    if pd.api.types.is_numeric_dtype(dtype):
        return _numbers(column.astype("float64"), has_point=dtype.kind == "f" and not column.isna().any())
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return _times(column)
    return _look_at_objects(column)


def _look_at_objects(column: pd.Series[Any]) -> Values:
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "string":
        return _look_at_texts(column)
    if kind == "boolean":
        return _values("bool", column.astype("float64"))
    if kind in ("date", "datetime", "datetime64"):
        return _times(pd.to_datetime(column, errors="coerce"))
    if kind in ("decimal", "integer", "floating", "mixed-integer-float"):
        return _numbers(column.astype("float64"), has_point=kind != "integer")
    return Values(str(column.name), "other", column, int(column.isna().sum()), 0)


def _look_at_texts(column: pd.Series[Any]) -> Values:
    present = column.dropna()
    numbers = pd.to_numeric(present, errors="coerce")
    if numbers.notna().all():
        return _numbers(_spread(numbers, column), has_point=bool(present.str.contains(".", regex=False).any()))
    if numbers.notna().mean() >= MOSTLY:
        odd = present[numbers.isna()].drop_duplicates()
        if len(odd) <= MAX_ODD:
            return _values("number", _spread(numbers, column), odd=tuple(str(text) for text in odd))
    if set(present.str.lower().unique()) <= set(TRUTH):
        return _values("bool", _spread(present.str.lower().map(TRUTH), column))
    if present.str.contains(DATE, regex=True).mean() >= MOSTLY:
        return _times_of_texts(column, present)
    # A text that might be a date, but could be read in more than one way.
    odd_dates = present.str.contains(OTHER_DATE, regex=True)
    if odd_dates.mean() >= MOSTLY:
        return _values("time", column, odd=(str(present.iloc[0]),))
    return _values("text", column)


def _times_of_texts(column: pd.Series[Any], present: pd.Series[Any]) -> Values:
    has_zone = bool(present.str.contains(WITH_ZONE, regex=True).any())
    times = pd.to_datetime(column, errors="coerce", format="ISO8601", utc=has_zone)
    wrong = column[times.isna() & column.notna()].drop_duplicates()
    return _times(times, odd=tuple(str(text) for text in wrong[:MAX_ODD]))


def _times(times: pd.Series[Any], odd: tuple[str, ...] = ()) -> Values:
    zone = "" if getattr(times.dt, "tz", None) is None else str(times.dt.tz)
    if zone:
        times = times.dt.tz_localize(None) if zone == "UTC" else times.dt.tz_convert(zone).dt.tz_localize(None)
    return _values("time", times, zone=zone, odd=odd)


def _numbers(numbers: pd.Series[Any], *, has_point: bool) -> Values:
    present = numbers.dropna().to_numpy()
    wrong = tuple(f"{value:g}" for value in np.unique(present[np.abs(present) > LARGEST])[:MAX_ODD])
    is_whole = not has_point and not wrong and bool((present % 1 == 0).all())
    return _values("number", numbers, is_whole=is_whole, odd=wrong)


def _spread(values: pd.Series[Any], column: pd.Series[Any]) -> pd.Series[Any]:
    """Return values of the cells that are not empty at the places of all."""
    spread: pd.Series[Any] = values.astype("float64").reindex(column.index)
    return spread


def _values(kind: Kind, cells: pd.Series[Any], **more: Any) -> Values:
    distinct = int(cells.nunique())
    return Values(str(cells.name), kind, cells, int(cells.isna().sum()), distinct, **more)
