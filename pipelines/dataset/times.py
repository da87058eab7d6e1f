"""Convert the times of a table to local times of its time zone, without a UTC offset; rows are sorted by them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.config.schema import TimeColumn
from pipelines.errors import InvalidData

__all__ = ["WITH_ZONE", "WallClock", "as_wall_clock", "start_of_newest", "wall_clock_of"]

WITH_ZONE = r"\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s?(?:Z|[+-]\d{2}(?::?\d{2})?)$"
"""A time of day with a UTC offset, as in ISO 8601."""


def as_wall_clock(times: pd.Series[Any], column: TimeColumn) -> pd.Series[Any]:
    """Return times with a UTC offset as local times of ``column.timezone``; times without one are unchanged.

    Raises:
        InvalidData: only some times have an offset, or a value is not a time.
    """
    return WallClock(column).convert(times)


class WallClock:
    """The same for a table that is read in pieces."""

    def __init__(self, column: TimeColumn) -> None:
        """Begin with the first piece."""
        self._column = column
        self._with_offset: bool | None = None

    def convert(self, times: pd.Series[Any]) -> pd.Series[Any]:
        """Convert the next times; their index is the number of each row in the table, from 0.

        Raises:
            InvalidData: only some times of the table have an offset, or a value is not a time.
        """
        if isinstance(times.dtype, pd.DatetimeTZDtype):
            return _convert(times, self._column)
        present = times.dropna()
        if not pd.api.types.is_string_dtype(times) or present.empty:
            return times
        found = present.str.contains(WITH_ZONE, regex=True).to_numpy(dtype=bool)
        wanted = bool(found.any()) if self._with_offset is None else self._with_offset
        if (found != wanted).any():
            _report_mixed(present, found, self._column)
        self._with_offset = wanted
        return _instants(times, self._column) if wanted else times


def _instants(times: pd.Series[Any], column: TimeColumn) -> pd.Series[Any]:
    instants = pd.to_datetime(times, utc=True, errors="coerce", format="ISO8601")
    broken = (instants.isna() & times.notna()).to_numpy()
    if broken.any():
        place = int(broken.argmax())
        number = int(times.index[place]) + 1
        raise InvalidData(f"row {number}, column {column.name}: {times.iloc[place]!r} is not a time")
    return _convert(instants, column)


def _report_mixed(present: pd.Series[Any], found: npt.NDArray[np.bool_], column: TimeColumn) -> NoReturn:
    place = int((found if found.all() else ~found).argmax())
    has, others = ("a", "have none") if found.all() else ("no", "have one")
    raise InvalidData(
        f"row {int(present.index[place]) + 1}, column {column.name}: {present.iloc[place]!r} has {has} UTC offset, but "
        f"other rows {others}; use an offset in all rows or in none"
    )


def wall_clock_of(instant: datetime, column: TimeColumn) -> pd.Timestamp:
    """Return an instant, with its time zone, as a local time of the table."""
    return pd.Timestamp(instant.astimezone(column.zone).replace(tzinfo=None))


def start_of_newest(times: pd.Series[Any], *, last: timedelta | None, share: float | None) -> pd.Timestamp:
    """Return the time from which on rows are the newest: within ``last`` before the newest row, or a share of them."""
    if last is not None:
        return pd.Timestamp(times.max() - last)
    place = int(len(times) * (1 - (share or 0)))
    return pd.Timestamp(np.partition(times.to_numpy(), place)[place])


def _convert(instants: pd.Series[Any], column: TimeColumn) -> pd.Series[Any]:
    wall_clock: pd.Series[Any] = instants.dt.tz_convert(column.zone).dt.tz_localize(None)
    return wall_clock
