"""Say in one line each what is wrong with a cell, from the failures that pandera reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

__all__ = ["describe_cells"]


def describe_cells(cases: pd.DataFrame) -> Iterator[str]:
    """Yield row, column, value and rule of each failure."""
    # A value that cannot be converted also fails the other checks of its column; these are noise.
    coerced = set(cases.loc[cases["check"].str.startswith("coerce_dtype"), "column"])
    for case in cases.to_dict("records"):
        if case["column"] in coerced and not case["check"].startswith("coerce_dtype"):
            continue
        yield f"{_where(case)}column {case['column']}: {case['failure_case']!r} is not {_rule(str(case['check']))}"


def _where(case: dict[Any, Any]) -> str:
    index = case["index"]
    return "" if index is None or pd.isna(index) else f"row {int(index) + 1}, "


def _rule(check: str) -> str:
    if check.startswith("coerce_dtype"):
        return f"of type {check.removeprefix('coerce_dtype(').strip(')').strip(chr(39))}"
    return {"not_nullable": "allowed: the column is not nullable"}.get(check, check)
