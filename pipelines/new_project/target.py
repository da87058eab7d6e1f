"""What the target is: two classes, more classes, or a number, and which class is the positive one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import ValidationError

from bundle.target import MAX_CLASSES, TargetType
from pipelines.config.schema import TargetColumn
from pipelines.errors import InvalidData
from pipelines.new_project.values import Values

__all__ = ["ChosenTarget", "choose_target"]

BINARY = 2
FEW_VALUES = 10
"""So many different whole numbers are classes, if each has ``ROWS_OF_CLASS`` rows; more are amounts."""

ROWS_OF_CLASS = 10
POSITIVE = frozenset("yes y true t 1 positive pos churn churned default fraud late spam malignant bad failed".split())
NEGATIVE = frozenset("no n false f 0 negative neg stay paid legit ok benign ham good passed".split())


@dataclass(frozen=True)
class ChosenTarget:
    """The target column, and its known values."""

    column: TargetColumn
    truth: npt.NDArray[np.float64]
    """(n,) codes or numbers; NaN where the target is unknown."""

    check: str
    """What was assumed."""

    @property
    def shares(self) -> dict[str, float]:
        """The share of each class among the known rows; empty for numbers."""
        known = self.truth[~np.isnan(self.truth)]
        return {name: float((known == code).mean()) for code, name in enumerate(self.column.classes)}


def choose_target(values: Values, kind: TargetType | None) -> ChosenTarget:
    """Choose the type, and the order of the classes.

    Args:
        kind: the type that the user wants; None: by the values.

    Raises:
        InvalidData: the column cannot be predicted, or not as this type.
    """
    _check(values)
    kind = kind or _type_of(values)
    if kind == "regression":
        if values.kind not in ("number", "bool"):
            raise InvalidData(f"--type regression needs numbers, and the target {values.name} has texts; leave it out")
        truth = values.cells.to_numpy(dtype=np.float64)
        column = TargetColumn(name=values.name, type="regression")
        return ChosenTarget(column, truth, _as_number(values))
    return _classes(values, kind)


def _check(values: Values) -> None:
    if values.kind == "empty":
        raise InvalidData(f"the target {values.name} is empty in every row; fix the export, or name another --target")
    if values.odd:
        raise InvalidData(
            f"the target {values.name} has numbers or times, and other texts ({', '.join(values.odd)}); empty these "
            "cells if they mean that the target is unknown"
        )
    if values.kind not in ("number", "bool", "text"):
        what = "times" if values.kind == "time" else "values that are neither numbers nor texts"
        raise InvalidData(f"the target {values.name} has {what}; it must have classes or numbers")
    if values.distinct == 1:
        only = values.cells.dropna().iloc[0]
        raise InvalidData(f"the target {values.name} is {only} in every row, so there is nothing to predict")


def _type_of(values: Values) -> TargetType:
    if values.distinct == BINARY:
        return "binary"
    if values.kind == "text":
        return "multiclass"
    is_code = values.is_whole and values.distinct <= FEW_VALUES
    return "multiclass" if is_code and int(values.cells.value_counts().min()) >= ROWS_OF_CLASS else "regression"


def _classes(values: Values, kind: TargetType) -> ChosenTarget:
    counts = values.cells.value_counts()
    if kind == "binary" and len(counts) != BINARY:
        raise InvalidData(f"--type binary needs two values, and the target {values.name} has {len(counts)}")
    if kind == "multiclass" and not BINARY < len(counts) <= MAX_CLASSES:
        raise InvalidData(
            f"the target {values.name} has {len(counts)} different values, and {BINARY + 1} to {MAX_CLASSES} classes "
            "are possible; is it the right column? Numbers can be predicted with --type regression"
        )
    rare = sorted(str(value) for value, rows in counts.items() if rows < BINARY)
    if rare:
        raise InvalidData(
            f"the target {values.name} has classes with a single row ({', '.join(rare[:FEW_VALUES])}): one row is "
            "needed to train and one to test; join them with other classes, or empty the cells"
        )
    ordered = _order(counts, kind)
    codes = {value: float(code) for code, value in enumerate(ordered)}
    truth = values.cells.map(codes).to_numpy(dtype=np.float64, na_value=np.nan)
    try:
        column = TargetColumn(name=values.name, type=kind, classes=_names(values, ordered), values=_cells(ordered))
    except ValidationError as error:
        raise InvalidData(f"the target {values.name} cannot be used: {error.errors()[0]['msg']}") from error
    return ChosenTarget(column, truth, _as_classes(column, values, kind))


def _order(counts: pd.Series[int], kind: TargetType) -> list[Any]:
    """Return numbers in their order and texts by the alphabet; of two classes the negative one first."""
    ordered = sorted(counts.index)
    if kind != "binary" or not isinstance(ordered[0], str):
        return ordered
    first, second = (text.strip().lower() for text in ordered)
    if first in POSITIVE or second in NEGATIVE:
        return ordered[::-1]
    if second in POSITIVE or first in NEGATIVE:
        return ordered
    return ordered[::-1] if counts[ordered[0]] < counts[ordered[1]] else ordered


def _names(values: Values, ordered: list[Any]) -> tuple[str, ...]:
    if values.kind == "bool":
        return "false", "true"
    return tuple(value if isinstance(value, str) else f"{value:g}" for value in ordered)


def _cells(ordered: list[Any]) -> tuple[str | int | float, ...]:
    """Return what the table has for each class; nothing if it has the codes."""
    if isinstance(ordered[0], str):
        return tuple(ordered)
    if ordered == list(range(len(ordered))):
        return ()
    return tuple(int(value) if value == int(value) else value for value in ordered)


def _as_number(values: Values) -> str:
    few = f" It has only {values.distinct} different values: for classes, use --type multiclass." * (
        values.distinct <= MAX_CLASSES // 2
    )
    return f"The target {values.name} is a number (regression): is it right, and in which unit?{few}"


def _as_classes(column: TargetColumn, values: Values, kind: TargetType) -> str:
    if kind == "binary":
        return f"The positive class of {values.name} is {column.classes[1]}: its probability is predicted."
    amounts = " If its numbers are amounts, use --type regression." if values.kind == "number" else ""
    return f"The target {values.name} has {len(column.classes)} classes; all of them are listed.{amounts}"
