"""Stage ``validate``: check the table against schema.yaml.

Reads:  work/raw, schema.yaml.
Gives:  table.parquet with the types of the schema, and validate.json (rows, copies, share of missing values); or an
        error that names row, column and rule of each problem.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from pandera.errors import SchemaErrors

from pipelines.config.params import ValidateParams
from pipelines.config.schema import Schema, TimeColumn
from pipelines.dataset.columns import as_codes, table_schema
from pipelines.dataset.files import TABLE, VALIDATE_JSON, raw_table, read_table, write_json, write_prepared
from pipelines.dataset.times import as_wall_clock, wall_clock_of
from pipelines.dataset.trained_rows import hash_rows
from pipelines.errors import InvalidData
from pipelines.stages.process import run_stage
from pipelines.targets.project import load_project

__all__ = ["check_table", "main"]

SHOWN = 3


def main() -> str:
    """Check the whole table before any other stage uses it."""
    project = load_project()
    schema, params, path = project.schema, project.params.validate_, raw_table()
    table = check_table(read_table(path, schema), schema, params)
    missing = {name: float(table[name].isna().mean()) for name in schema.columns}
    write_prepared(table[[*schema.columns, *_ignored(table, schema)]], TABLE)
    write_json({"rows": len(table), "copies": _count_copies(table, schema)[0], "missing_share": missing}, VALIDATE_JSON)
    return f"{len(table):,} rows of {path.name} match schema.yaml"


def _ignored(table: pd.DataFrame, schema: Schema) -> list[str]:
    return [column.name for column in schema.ignored if column.name in table.columns]


def check_table(table: pd.DataFrame, schema: Schema, params: ValidateParams) -> pd.DataFrame:
    """Return the table with the types of the schema, classes as their codes, and times as local times of its time zone.

    Raises:
        InvalidData: too few rows, an empty column, copied rows, times in the future, or up to ``max_reported`` problems
            with row, column, value and rule.
    """
    missing = [name for name in schema.columns if name not in table.columns]
    if missing:
        raise InvalidData(
            f"missing column(s) {', '.join(missing)}: schema.yaml requires them, the table has {_names(table)}"
        )
    if len(table) < params.min_rows:
        raise InvalidData(f"the table has {len(table)} rows, fewer than validate.min_rows = {params.min_rows}")
    _check_empty(table, schema)
    _check_target_is_number(table, schema)
    if schema.time is not None:
        table = table.assign(**{schema.time.name: as_wall_clock(table[schema.time.name], schema.time)})
    try:
        table = table_schema(schema).validate(table, lazy=True)
    except SchemaErrors as error:
        problems = list(_describe(error.failure_cases))
        more = len(problems) - params.max_reported
        shown = problems[: params.max_reported] + ([f"… and {more:,} more"] if more > 0 else [])
        raise InvalidData("\n  ".join([f"{len(problems):,} problem(s) in the table:", *shown])) from error
    if schema.time is not None:
        _check_future(table, schema.time, schema.target.name, params)
    _check_copies(table, schema, params)
    return table.assign(**{schema.target.name: as_codes(table[schema.target.name], schema.target)})


def _check_empty(table: pd.DataFrame, schema: Schema) -> None:
    empty = [name for name in (*schema.feature_names, schema.target.name) if table[name].isna().all()]
    if empty:
        raise InvalidData(
            f"column(s) {', '.join(empty)} are empty in every row, so nothing can be learned from them; fix the "
            "export, or remove the feature from schema.yaml"
        )


def _check_target_is_number(table: pd.DataFrame, schema: Schema) -> None:
    """Reject texts where codes are expected, with the key that says what they mean."""
    target, column = schema.target, table[schema.target.name]
    if target.is_text or not target.classes or not pd.api.types.is_string_dtype(column):
        return
    if pd.to_numeric(column, errors="coerce").notna().any():
        return  # a few wrong cells: each is reported with its row
    found = sorted({str(value) for value in column.dropna()})[:SHOWN]
    raise InvalidData(
        f"column {target.name} has texts ({', '.join(found)}, …), but the codes 0 to {len(target.classes) - 1} are "
        "expected. List the texts as target.values in schema.yaml, in the order of target.classes"
    )


def _check_future(table: pd.DataFrame, time: TimeColumn, target: str, params: ValidateParams) -> None:
    """Reject rows in the future with a known target: one such row could shift the whole split."""
    now = wall_clock_of(datetime.now(UTC), time)
    late = (table[time.name] > now + params.max_future) & table[target].notna()
    if late.any():
        row = int(late.to_numpy().argmax())
        raise InvalidData(
            f"{int(late.sum()):,} row(s) with a known target are in the future: row {row + 1}, column "
            f"{time.name}: {table[time.name].iloc[row]} is later than now, {now:%Y-%m-%d %H:%M}, by more "
            "than validate.max_future"
        )


def _check_copies(table: pd.DataFrame, schema: Schema, params: ValidateParams) -> None:
    copies, first, original = _count_copies(table, schema)
    if copies > params.max_duplicate_share * len(table):
        raise InvalidData(
            f"{copies:,} of {len(table):,} rows are exact copies of another row, more than "
            f"validate.max_duplicate_share = {params.max_duplicate_share:g} of them; first: row {first} equals "
            f"row {original} in every column"
        )


def _count_copies(table: pd.DataFrame, schema: Schema) -> tuple[int, int, int]:
    """Return the number of rows that repeat an earlier row, the first such row, and the row that it repeats."""
    hashes = hash_rows(table, schema.columns)
    _, firsts, place = np.unique(hashes, return_index=True, return_inverse=True)
    is_copy = firsts[place] != np.arange(len(hashes))
    row = int(is_copy.argmax())
    return int(is_copy.sum()), row + 1, int(firsts[place][row]) + 1


def _describe(cases: pd.DataFrame) -> Iterator[str]:
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


def _names(table: pd.DataFrame) -> str:
    return ", ".join(str(name) for name in table.columns)


if __name__ == "__main__":
    run_stage("validate", main)
