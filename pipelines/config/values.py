"""Kinds of values in params.yaml: durations, and blocks of keys."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

__all__ = ["Block", "Duration", "ParamsBlock"]

UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def _duration(value: Any) -> Any:
    found = re.fullmatch(r"(\d+)([hdw])", value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("write a whole number and h, d or w (hours, days, weeks), such as 90d")
    return timedelta(**{UNITS[found[2]]: int(found[1])})


Duration = Annotated[timedelta, BeforeValidator(_duration)]
"""Written as ``36h``, ``90d`` or ``52w``."""


def _block(value: Any) -> Any:
    try:
        length = None if value == "row" else _duration(value)
    except ValueError as error:
        raise ValueError(f"write row, or {str(error).removeprefix('write ')}") from error
    if length == timedelta(0):
        raise ValueError("write a length above 0, or row if the rows do not depend on each other")
    return length


Block = Annotated[timedelta | None, BeforeValidator(_block)]
"""Written as a duration; None is written as ``row``."""


class ParamsBlock(BaseModel):
    """Base of every block: immutable, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
