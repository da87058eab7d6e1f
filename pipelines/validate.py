"""Stage ``validate``: is the table what schema.yaml says?

Reads:  work/raw, schema.yaml.
Gives:  validate.json (rows, share of missing values), or a failure that names row, column and rule of what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from pipelines.errors import InvalidData
from pipelines.files import VALIDATE_JSON, raw_table, read_table, write_json
from pipelines.params import ValidateParams, load_params
from pipelines.schema import FeatureColumn, Schema, load_schema
from pipelines.stage import run_stage

__all__ = ["check_table", "main"]

DTYPES = {"float": "float64", "int": "float64", "bool": "float64", "category": "str"}
"""What a column is coerced to for the check. Numbers with gaps are floats; whole ones are a check of their own."""


def main() -> str:
    """Check the whole table before anything is made from it."""
    schema, params = load_schema(), load_params().validate_
    path = raw_table()
    table = check_table(read_table(path, schema), schema, params)
    missing = {name: float(table[name].isna().mean()) for name in schema.columns}
    write_json({"rows": len(table), "missing_share": missing}, VALIDATE_JSON)
    return f"{len(table):,} rows of {path.name} follow schema.yaml"


def check_table(table: pd.DataFrame, schema: Schema, params: ValidateParams) -> pd.DataFrame:
    """Return the table with the schema's types.

    Raises:
        InvalidData: too few rows, or up to ``max_reported`` problems with row, column, value and rule.
    """
    missing = [name for name in schema.columns if name not in table.columns]
    if missing:
        raise InvalidData(
            f"missing column(s) {', '.join(missing)}; schema.yaml names them, the table has {_names(table)}"
        )
    if len(table) < params.min_rows:
        raise InvalidData(f"the table has {len(table)} rows, fewer than validate.min_rows = {params.min_rows}")
    try:
        return _pandera_schema(schema).validate(table, lazy=True)
    except SchemaErrors as error:
        problems = list(_describe(error.failure_cases))
        more = len(problems) - params.max_reported
        shown = problems[: params.max_reported] + ([f"… and {more:,} more"] if more > 0 else [])
        raise InvalidData("\n  ".join([f"{len(problems):,} problem(s) in the table:", *shown])) from error


def _pandera_schema(schema: Schema) -> pa.DataFrameSchema:
    columns = {feature.name: _feature_column(feature) for feature in schema.features}
    columns[schema.time.name] = pa.Column("datetime64[ns]", coerce=True)
    columns[schema.target.name] = pa.Column("float64", pa.Check.isin([0, 1]), nullable=True, coerce=True)
    for column in schema.identifiers:
        columns[column.name] = pa.Column("str", nullable=True, coerce=True)
    return pa.DataFrameSchema(columns)


def _feature_column(feature: FeatureColumn) -> pa.Column:
    checks = []
    if feature.minimum is not None:
        checks.append(pa.Check.ge(feature.minimum))
    if feature.maximum is not None:
        checks.append(pa.Check.le(feature.maximum))
    if feature.categories is not None and feature.unknown_category == "error":
        checks.append(pa.Check.isin(feature.categories, error=f"one of the {len(feature.categories)} categories"))
    if feature.type == "bool":
        checks.append(pa.Check.isin([0, 1]))
    if feature.type == "int":
        checks.append(pa.Check(lambda values: values % 1 == 0, error="a whole number"))
    return pa.Column(DTYPES[feature.type], checks, nullable=feature.nullable, coerce=True)


def _describe(cases: pd.DataFrame) -> Iterator[str]:
    # A value that cannot be converted fails the other checks of its column as well: those are noise.
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
    return {"not_nullable": "allowed: the column may not be empty"}.get(check, check)


def _names(table: pd.DataFrame) -> str:
    return ", ".join(str(name) for name in table.columns)


if __name__ == "__main__":
    run_stage("validate", main)
