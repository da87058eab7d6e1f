"""Encode rows as the matrix for XGBoost, and build the contract that defines the encoding."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bundle import Contract, Feature, IgnoredColumn
from pipelines.config.schema import FeatureColumn, Schema
from pipelines.errors import InvalidData
from pipelines.targets.project import Project
from pipelines.targets.task import Task, Truth

__all__ = ["build_contract", "encode", "example_row", "labels", "to_records"]

Matrix = npt.NDArray[np.float32]


def build_contract(train: pd.DataFrame, project: Project, *, example: dict[str, Any]) -> Contract:
    """Return the contract of a row: the columns of the schema, with their declared categories or, if none are declared,
    those of the training rows.

    A declared category that no training row has gets a code too: at every categorical split, XGBoost sends it the same
    way as the categories that were not chosen.
    """
    return Contract(
        model_name=project.params.register_.model_name,
        features=tuple(_feature(column, train[column.name]) for column in project.schema.features),
        ignored=tuple(
            IgnoredColumn(name=column.name, description=column.description) for column in project.schema.ignored
        ),
        target=project.target,
        example=example,
    )


def encode(rows: pd.DataFrame, contract: Contract) -> Matrix:
    """Return (n, features) float32 in the order of the contract: categories as codes, missing or unknown as NaN."""
    matrix = np.empty((len(rows), len(contract.features)), dtype=np.float32)
    for index, feature in enumerate(contract.features):
        column = rows[feature.name]
        if feature.categories is not None:
            column = column.map(feature.categories)
        matrix[:, index] = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return matrix


def labels(rows: pd.DataFrame, task: Task[Any]) -> Truth:
    """Return (n,) true values: codes of classes, or numbers."""
    return task.truth(rows[task.target.name].to_numpy())


def example_row(rows: pd.DataFrame, schema: Schema) -> dict[str, Any]:
    """Return the first row with the fewest empty cells, as an example for the documentation and for self-checks."""
    features = rows[schema.feature_names]
    fullest = int(features.isna().sum(axis=1).to_numpy().argmin())
    return to_records(features.iloc[fullest : fullest + 1], schema)[0]


def to_records(rows: pd.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """Return the features of every row as the API accepts them: JSON types, missing values as None."""
    columns = {
        column.name: [_plain(value, column) for value in rows[column.name].tolist()] for column in schema.features
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _feature(column: FeatureColumn, values: pd.Series[Any]) -> Feature:
    categories = None
    if column.type == "category":
        seen = sorted(str(value) for value in values.dropna().unique())
        if not seen:
            raise InvalidData(f"column {column.name} is empty in the training set, so it has no categories")
        categories = {category: code for code, category in enumerate(column.categories or seen)}
    return Feature(
        name=column.name,
        type=column.type,
        description=column.description,
        unit=column.unit,
        nullable=column.nullable,
        minimum=column.minimum,
        maximum=column.maximum,
        categories=categories,
        unknown_category=column.unknown_category,
        optional=column.optional,
    )


def _plain(value: Any, column: FeatureColumn) -> Any:
    if pd.isna(value):
        return None
    kinds: dict[str, Any] = {"float": float, "int": int, "bool": bool, "category": str}
    return kinds[column.type](value)
