"""The rules of schema.yaml as a pandera schema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow

from pipelines.config.schema import ROW_HASH, FeatureColumn, Schema, TargetColumn

__all__ = ["arrow_schema", "as_codes", "table_schema"]

DTYPES = {"float": "float64", "int": "float64", "bool": "float64", "category": "str"}
"""Type that a column is converted to for the checks. Numbers may be missing, so they are floats; whole numbers have
an extra check."""

LARGEST = float(np.finfo(np.float32).max)
"""The model uses 32-bit floats."""

MAX_CATEGORY = 200
"""Maximum length of a category in a contract."""


def table_schema(schema: Schema) -> pa.DataFrameSchema:
    """Return the rules of every column."""
    columns = {feature.name: _feature_column(feature) for feature in schema.features}
    if schema.time is not None:
        columns[schema.time.name] = pa.Column("datetime64[ns]", coerce=True)
    columns[schema.target.name] = _target_column(schema.target)
    for ignored in schema.ignored:  # they are for a champion that needs them, and their values are not limited
        columns[ignored.name] = pa.Column(DTYPES[ignored.type], nullable=True, coerce=True, required=False)
    for column in schema.identifiers:
        columns[column.name] = pa.Column("str", nullable=True, coerce=True)
    return pa.DataFrameSchema(columns)


def arrow_schema(schema: Schema, ignored: Sequence[FeatureColumn]) -> arrow.Schema:
    """Return names and types of checked rows in a file: the columns of the schema, ignored ones that the table has, and
    the hash of each row."""
    columns: dict[str, Any] = {schema.time.name: arrow.timestamp("ns")} if schema.time else {}
    columns |= {column.name: arrow.string() for column in schema.identifiers}
    columns[schema.target.name] = arrow.float64()  # classes are codes
    for feature in (*schema.features, *ignored):
        columns[feature.name] = arrow.string() if feature.type == "category" else arrow.float64()
    return arrow.schema([*columns.items(), (ROW_HASH, arrow.uint64())])


def as_codes(values: pd.Series[Any], target: TargetColumn) -> pd.Series[Any]:
    """Return the values of a checked target as numbers: the codes of classes, or the numbers themselves."""
    if not target.values:
        return values
    codes: pd.Series[Any] = values.map({value: float(code) for code, value in enumerate(target.values)})
    return codes.astype("float64")


def _target_column(target: TargetColumn) -> pa.Column:
    if not target.classes:
        return pa.Column("float64", _number_checks(target), nullable=True, coerce=True)
    allowed = list(target.values) or list(range(len(target.classes)))
    return pa.Column("str" if target.is_text else "float64", pa.Check.isin(allowed), nullable=True, coerce=True)


def _feature_column(feature: FeatureColumn) -> pa.Column:
    checks = {
        "float": _number_checks,
        "int": _whole_number_checks,
        "bool": lambda _: [pa.Check.isin([0, 1])],
        "category": _category_checks,
    }[feature.type](feature)
    return pa.Column(DTYPES[feature.type], checks, nullable=feature.nullable, coerce=True)


def _number_checks(feature: FeatureColumn | TargetColumn) -> list[pa.Check]:
    checks = []
    if feature.minimum is not None:
        checks.append(pa.Check.ge(feature.minimum))
    if feature.maximum is not None:
        checks.append(pa.Check.le(feature.maximum))
    if len(checks) < 2:  # noqa: PLR2004 (the range is open on at least one side)
        checks.append(pa.Check(_is_finite, error=f"a finite 32-bit float (absolute value at most {LARGEST:.2g})"))
    return checks


def _whole_number_checks(feature: FeatureColumn) -> list[pa.Check]:
    return [*_number_checks(feature), pa.Check(_is_whole, error="a whole number")]


def _category_checks(feature: FeatureColumn) -> list[pa.Check]:
    if feature.categories is None:
        rule = f"a text of 1 to {MAX_CATEGORY} characters"
        return [pa.Check(lambda values: values.str.len().between(1, MAX_CATEGORY), error=rule)]
    if feature.unknown_category == "missing":
        return []
    return [pa.Check.isin(feature.categories, error=f"one of the {len(feature.categories)} categories")]


def _is_finite(values: pd.Series[Any]) -> pd.Series[Any]:
    return values.abs() <= LARGEST


def _is_whole(values: pd.Series[Any]) -> pd.Series[Any]:
    return (values % 1 == 0) | values.abs().eq(np.inf)
