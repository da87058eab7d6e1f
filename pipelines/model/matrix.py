"""Encode rows as the matrix for XGBoost, and build the contract that defines the encoding."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bundle import Contract, Feature, IgnoredColumn
from pipelines.config.schema import FeatureColumn, Schema
from pipelines.dataset.rows import Rows
from pipelines.errors import InvalidData
from pipelines.targets.project import Project
from pipelines.targets.task import Task, Truth

__all__ = ["Matrix", "build_contract", "encode", "example_row", "labels", "labels_of", "to_records"]

Matrix = npt.NDArray[np.float32]


def build_contract(train: Rows, project: Project, *, example: dict[str, Any]) -> Contract:
    """Return the contract of a row: the columns of the schema, with their declared categories or, if none are declared,
    those of the training rows.

    A declared category that no training row has gets a code too: at every categorical split, XGBoost sends it the same
    way as the categories that were not chosen.
    """
    seen = _texts(train, [column.name for column in project.schema.features if column.type == "category"])
    return Contract(
        model_name=project.params.register_.model_name,
        features=tuple(_feature(column, seen.get(column.name)) for column in project.schema.features),
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


def labels_of(rows: Rows, task: Task[Any]) -> Truth:
    """Return (n,) true values of rows that need not be in memory."""
    parts = [labels(piece, task) for piece in rows.pieces([task.target.name])]
    return np.concatenate([task.truth(np.empty(0)), *parts])


def example_row(rows: Rows, schema: Schema) -> dict[str, Any]:
    """Return the first row with the fewest empty cells, as an example for the documentation and for self-checks."""
    found, fewest = pd.DataFrame(), len(schema.feature_names) + 1
    for piece in rows.pieces(schema.feature_names):
        empty = piece.isna().sum(axis=1).to_numpy()
        place = int(empty.argmin())
        if empty[place] < fewest:
            found, fewest = piece.iloc[place : place + 1], empty[place]
        if fewest == 0:
            break
    return to_records(found, schema)[0]


def to_records(rows: pd.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """Return the features of every row as the API accepts them: JSON types, missing values as None."""
    columns = {
        column.name: [_plain(value, column) for value in rows[column.name].tolist()] for column in schema.features
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _texts(rows: Rows, names: list[str]) -> dict[str, set[str]]:
    """Return the different values of columns."""
    found: dict[str, set[str]] = {name: set() for name in names}
    for piece in rows.pieces(names) if names else ():
        for name in names:
            found[name].update(str(value) for value in piece[name].dropna().unique())
    return found


def _feature(column: FeatureColumn, seen: set[str] | None) -> Feature:
    categories = None
    if seen is not None:
        if not seen:
            raise InvalidData(f"column {column.name} is empty in the training set, so it has no categories")
        categories = {category: code for code, category in enumerate(column.categories or sorted(seen))}
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
