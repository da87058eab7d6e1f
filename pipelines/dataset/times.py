"""Convert the times of a table to local times of its time zone, without a UTC offset; rows are sorted by them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from pipelines.config.schema import TimeColumn
from pipelines.errors import InvalidData

__all__ = ["WITH_ZONE", "as_wall_clock", "wall_clock_of"]

WITH_ZONE = r"\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s?(?:Z|[+-]\d{2}(?::?\d{2})?)$"
"""A time of day with a UTC offset, as in ISO 8601."""


def as_wall_clock(times: pd.Series[Any], column: TimeColumn) -> pd.Series[Any]:
    """Return times with a UTC offset as local times of ``column.timezone``; times without one are unchanged.

    Raises:
        InvalidData: only some times have an offset, or a value is not a time.
    """
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        return _convert(times, column)
    if not pd.api.types.is_string_dtype(times):
        return times
    present = times.dropna()
    with_zone = present.str.contains(WITH_ZONE, regex=True).to_numpy(dtype=bool)
    if not with_zone.any():
        return times
    if not with_zone.all():
        place = int((~with_zone).argmax())
        raise InvalidData(
            f"row {int(present.index[place]) + 1}, column {column.name}: {present.iloc[place]!r} has no UTC "
            "offset, but other rows have one; use an offset in all rows or in none"
        )
    instants = pd.to_datetime(times, utc=True, errors="coerce", format="ISO8601")
    broken = (instants.isna() & times.notna()).to_numpy()
    if broken.any():
        place = int(broken.argmax())
        raise InvalidData(f"row {place + 1}, column {column.name}: {times.iloc[place]!r} is not a time")
    return _convert(instants, column)


def wall_clock_of(instant: datetime, column: TimeColumn) -> pd.Timestamp:
    """Return an instant, with its time zone, as a local time of the table."""
    return pd.Timestamp(instant.astimezone(column.zone).replace(tzinfo=None))


def _convert(instants: pd.Series[Any], column: TimeColumn) -> pd.Series[Any]:
    wall_clock: pd.Series[Any] = instants.dt.tz_convert(column.zone).dt.tz_localize(None)
    return wall_clock
