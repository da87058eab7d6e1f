"""Times of a table as the wall clock of its zone shows them, with no zone of their own: what rows are sorted by."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipelines.config.schema import TimeColumn
from pipelines.errors import InvalidData

__all__ = ["as_wall_clock"]

WITH_ZONE = r"\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s?(?:Z|[+-]\d{2}(?::?\d{2})?)$"
"""A time of day with an offset behind it, as ISO 8601 writes it."""


def as_wall_clock(times: pd.Series[Any], column: TimeColumn) -> pd.Series[Any]:
    """Return times with a zone as those of ``column.timezone``; times without one as they are.

    Raises:
        InvalidData: some have a zone and some have none, or one with a zone is no time.
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
            f"row {int(present.index[place]) + 1}, column {column.name}: {present.iloc[place]!r} has no zone, and "
            "other rows have one; write all with a zone or none"
        )
    instants = pd.to_datetime(times, utc=True, errors="coerce", format="ISO8601")
    broken = (instants.isna() & times.notna()).to_numpy()
    if broken.any():
        place = int(broken.argmax())
        raise InvalidData(f"row {place + 1}, column {column.name}: {times.iloc[place]!r} is not a time")
    return _convert(instants, column)


def _convert(instants: pd.Series[Any], column: TimeColumn) -> pd.Series[Any]:
    wall_clock: pd.Series[Any] = instants.dt.tz_convert(column.zone).dt.tz_localize(None)
    return wall_clock
