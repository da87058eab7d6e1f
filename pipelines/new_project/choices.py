"""The parameters that suit a table: its size, its time, its target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pipelines.config.schema import Schema
from pipelines.dataset.trained_rows import hash_rows
from pipelines.gate.blocks import MIN_BLOCKS
from pipelines.new_project.columns import Decision

__all__ = ["Choices", "choose"]

SMALL, LARGE = 1_000, 20_000
"""Fewer rows: small trees, few bins. More: deep trees, a small step."""

COPIES_ALLOWED, REPEATS_ALLOWED = 0.01, 0.001
"""The defaults of params.yaml."""

SLICED = range(2, 13)
MAX_SLICES = 3
MANY_BLOCKS = 1.5 * MIN_BLOCKS
LEAST_AREA, LEAST_R2 = 0.55, 0.02
QUARTERS_FROM_DAYS, MONTHS_FROM_DAYS = 1_100, 62


@dataclass(frozen=True)
class Choices:
    """What params.yaml says, as its text needs it."""

    rows: int
    min_rows: int
    copies: float
    max_duplicate_share: float
    test_share: float
    max_repeated_share: float
    group: str | None
    rounds: int
    booster: dict[str, Any]
    slices: tuple[str, ...]
    time_slice: str
    min_slice_rows: int
    bins: int
    block: str
    min_compared_rows: int
    best_alone: float | None
    floor: float | None
    """Minimum ROC AUC, or R²."""


def choose(table: pd.DataFrame, schema: Schema, decisions: Sequence[Decision]) -> Choices:
    """Choose the parameters for a table.

    Args:
        table: (n, k) the columns of the schema, the time as datetime.
    """
    known = table[table[schema.target.name].notna()]
    rows = len(known)
    share = 0.3 if rows < SMALL else 0.25
    best = max((one.alone for one in decisions if one.role == "feature" and one.alone is not None), default=None)
    copies = _repeated_share(hash_rows(table, schema.columns))
    groups = [one.values.name for one in decisions if one.group]
    test_rows = int(rows * share)
    return Choices(
        rows=len(table),
        min_rows=max(1, len(table) // 2),
        copies=copies,
        max_duplicate_share=_raised(copies, COPIES_ALLOWED),
        test_share=share,
        max_repeated_share=_raised(_repeats_in_test(known, schema, share), REPEATS_ALLOWED),
        group=groups[0] if groups and schema.time is None else None,
        slices=_slices(decisions),
        time_slice=_time_slice(known, schema),
        min_slice_rows=max(10, min(200, test_rows // 20)),
        bins=5 if rows < SMALL else 10,
        block=_block(known, schema, share),
        min_compared_rows=max(MIN_BLOCKS, min(1_000, test_rows // 2)),
        best_alone=best,
        floor=_floor(schema, best),
        **_training(rows),
    )


def _training(rows: int) -> dict[str, Any]:
    if rows < SMALL:
        return {"rounds": 60, "booster": {"max_depth": 3, "eta": 0.1, "min_child_weight": 1, "subsample": 0.8}}
    if rows < LARGE:
        return {"rounds": 150, "booster": {"max_depth": 4, "eta": 0.08, "min_child_weight": 5, "subsample": 0.8}}
    return {"rounds": 200, "booster": {"max_depth": 6, "eta": 0.08, "min_child_weight": 20, "subsample": 0.8}}


def _repeated_share(hashes: np.ndarray[Any, Any]) -> float:
    return 1 - len(np.unique(hashes)) / len(hashes)


def _raised(share: float, default: float) -> float:
    """Return the limit that the table meets: the default, or half more than it has, to two digits."""
    if share <= default:
        return default
    return min(1.0, float(f"{1.5 * share:.2g}"))


def _repeats_in_test(known: pd.DataFrame, schema: Schema, share: float) -> float:
    """Return the share of the test rows that equal an older row in all columns but the time, as ``prepare`` does."""
    if schema.time is None or known.empty:
        return 0.0
    ordered = known.sort_values(schema.time.name, kind="stable")
    times = ordered[schema.time.name]
    hashes = hash_rows(ordered, [name for name in schema.columns if name != schema.time.name])
    tested = (times >= times.iloc[int(len(times) * (1 - share))]).to_numpy()
    return float(np.isin(hashes[tested], hashes[~tested]).mean()) if tested.any() else 0.0


def _slices(decisions: Sequence[Decision]) -> tuple[str, ...]:
    fitting = [
        one.values.name
        for one in decisions
        if one.role == "feature" and one.values.kind in ("text", "bool") and one.values.distinct in SLICED
    ]
    return tuple(fitting[:MAX_SLICES])


def _time_slice(known: pd.DataFrame, schema: Schema) -> str:
    if schema.time is None:
        return "none"
    days = (known[schema.time.name].max() - known[schema.time.name].min()).days
    if days >= QUARTERS_FROM_DAYS:
        return "quarter"
    return "month" if days >= MONTHS_FROM_DAYS else "none"


def _block(known: pd.DataFrame, schema: Schema, share: float) -> str:
    """Return the longest block of which the test rows have enough for a comparison."""
    if schema.time is None:
        return "row"
    times = known[schema.time.name].sort_values()
    tested = times.iloc[int(len(times) * (1 - share)) :]
    for block, unit in (("1d", "D"), ("1h", "h")):
        if tested.dt.floor(unit).nunique() >= MANY_BLOCKS:
            return block
    return "row"


def _floor(schema: Schema, best: float | None) -> float | None:
    """Return the middle between no skill and the best feature alone, which a model of all features must reach."""
    if best is None:
        return None
    if schema.target.type == "regression":
        return max(LEAST_R2, math.floor(50 * best) / 100) if best > LEAST_R2 else None
    return max(LEAST_AREA, math.floor(100 * (0.5 + (best - 0.5) / 2)) / 100) if best > LEAST_AREA else None
