"""Which column says when a row was: the rows are split by it, and never train."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pandas as pd
from pydantic import ValidationError

from pipelines.config.schema import TimeColumn
from pipelines.errors import InvalidData
from pipelines.new_project.values import Values

__all__ = ["choose_time"]

LIKELY = re.compile(r"time|date|created|recorded|observed|start|scheduled|(^|_)(at|on|when|day|month|ts)$", re.I)
UNLIKELY = re.compile(r"birth|dob|end|expir|until|due|update|modif", re.I)
FEWEST = 10
"""Fewer different times do not split a table."""


def choose_time(columns: Sequence[Values], name: str | None) -> tuple[TimeColumn | None, str]:
    """Return the time column, and what was assumed.

    Args:
        name: the column that the user wants; None: the likeliest one.

    Raises:
        InvalidData: the wanted column has no times, or not in every row.
    """
    if name is not None:
        wanted = next(values for values in columns if values.name == name)
        problem = _problem(wanted)
        if problem:
            raise InvalidData(f"--time {name}: the column {problem}")
        return _column(wanted), _assumed(wanted, [])
    usable = [values for values in columns if not _problem(values) and values.distinct >= FEWEST]
    likely = [values for values in usable if not UNLIKELY.search(values.name)]
    if not likely:
        return None, ""
    best = next((values for values in likely if LIKELY.search(values.name)), likely[0])
    return _column(best), _assumed(best, [values.name for values in usable if values is not best])


def _problem(values: Values) -> str:
    if values.kind != "time":
        return "has no times such as 2025-03-31 or 2025-03-31T14:05:00Z (ISO 8601)"
    if values.odd:
        return f"has values that are no times in the form of ISO 8601, such as {values.odd[0]}"
    if values.missing:
        return f"is empty in {values.missing:,} row(s): a row without a time cannot be split by it"
    if values.cells.max() > pd.Timestamp(datetime.now(UTC).replace(tzinfo=None)) + pd.Timedelta(days=2):
        return f"has times in the future, up to {values.cells.max()}: it was known before what is predicted?"
    return ""


def _column(values: Values) -> TimeColumn:
    try:
        return TimeColumn(name=values.name, timezone=_zone(values))
    except ValidationError as error:
        raise InvalidData(f"the time {values.name} cannot be used: {error.errors()[0]['msg']}") from error


def _zone(values: Values) -> str:
    """Return the IANA name; a fixed offset has none, and is converted to UTC."""
    try:
        return ZoneInfo(values.zone).key if values.zone else "UTC"
    except (KeyError, ValueError, OSError):
        return "UTC"


def _assumed(values: Values, others: Sequence[str]) -> str:
    zone = "" if values.zone else " Its times have no UTC offset: UTC is assumed; set time.timezone if it is another."
    other = f" Other times: {', '.join(others)} (--time)." if others else ""
    return (
        f"{values.name} is the time of a row: the newest rows test the model, older ones train it. Is it when the "
        f"features were known?{other}{zone}"
    )
