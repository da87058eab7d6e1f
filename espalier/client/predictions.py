"""The prediction of one row, for each type of target, and the same as a row of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from espalier.client.errors import UnexpectedAnswer

__all__ = [
    "LABEL",
    "AnyPrediction",
    "MulticlassPrediction",
    "P",
    "Prediction",
    "RegressionPrediction",
    "kind_of_columns",
    "read_prediction",
]

LABEL, PROBABILITY, PROBABILITIES = "label", "probability", "probabilities"
VALUE, INTERVAL, LOWER, UPPER = "value", "interval", "lower", "upper"
BASE_VALUE, CONTRIBUTIONS, CONTRIBUTION = "base_value", "contributions", "contribution"

Columns = dict[str, Any]
"""A row of a table of predictions, with the names of columns that the API has in Arrow."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction of one row by a model of two classes."""

    type: ClassVar[str] = "binary"

    label: str
    probability: float
    """Of the positive class, from 0 to 1."""

    contributions: dict[str, float] | None = None
    """By feature, in log-odds (SHAP); only with ``explain=True``."""

    base_value: float | None = None
    """Log-odds without any feature; the contributions are added to it."""

    @staticmethod
    def matches(names: Iterable[str]) -> bool:
        """Tell whether a table with these columns has such predictions."""
        return {LABEL, PROBABILITY} <= set(names)

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> Prediction:
        """Return a prediction from JSON."""
        return cls(answer[LABEL], answer[PROBABILITY], answer.get(CONTRIBUTIONS), answer.get(BASE_VALUE))

    @classmethod
    def from_columns(cls, row: Columns) -> Prediction:
        """Return a prediction from a row without an explanation."""
        return cls(row[LABEL], row[PROBABILITY])

    def columns(self) -> Columns:
        """Return the prediction as a row of a table."""
        return {LABEL: self.label, PROBABILITY: self.probability, **_explanation(self.base_value, self.contributions)}

    def as_json(self) -> dict[str, Any]:
        """Return the prediction as the API has it in JSON."""
        return _explained({LABEL: self.label, PROBABILITY: self.probability}, self.contributions, self.base_value)


@dataclass(frozen=True, slots=True)
class MulticlassPrediction:
    """The prediction of one row by a model of three or more classes."""

    type: ClassVar[str] = "multiclass"

    label: str
    """The most probable class."""

    probabilities: dict[str, float]
    """By class, from 0 to 1."""

    contributions: dict[str, dict[str, float]] | None = None
    """By class and feature, in the units of the softmax's input (SHAP); only with ``explain=True``."""

    base_value: dict[str, float] | None = None
    """By class: its score without any feature; the contributions are added to it."""

    @staticmethod
    def matches(names: Iterable[str]) -> bool:
        """Tell whether a table with these columns has such predictions."""
        found = list(names)
        return LABEL in found and any(name.startswith(f"{PROBABILITY}.") for name in found)

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> MulticlassPrediction:
        """Return a prediction from JSON."""
        return cls(answer[LABEL], answer[PROBABILITIES], answer.get(CONTRIBUTIONS), answer.get(BASE_VALUE))

    @classmethod
    def from_columns(cls, row: Columns) -> MulticlassPrediction:
        """Return a prediction from a row without an explanation."""
        return cls(row[LABEL], {name.removeprefix(f"{PROBABILITY}."): row[name] for name in row if name != LABEL})

    def columns(self) -> Columns:
        """Return the prediction as a row of a table."""
        found: Columns = {LABEL: self.label, **_prefixed(PROBABILITY, self.probabilities)}
        if self.contributions is not None:
            found |= _prefixed(BASE_VALUE, self.base_value or {})
            for label, values in self.contributions.items():
                found |= _prefixed(f"{CONTRIBUTION}.{label}", values)
        return found

    def as_json(self) -> dict[str, Any]:
        """Return the prediction as the API has it in JSON."""
        return _explained({LABEL: self.label, PROBABILITIES: self.probabilities}, self.contributions, self.base_value)


@dataclass(frozen=True, slots=True)
class RegressionPrediction:
    """The prediction of one row by a model of a number."""

    type: ClassVar[str] = "regression"

    value: float
    """In the unit of the target; the median, if there is an interval."""

    interval: tuple[float, float] | None = None
    """Lower and upper end, if the model was trained with ``train.interval``."""

    contributions: dict[str, float] | None = None
    """By feature, in the unit of the target (SHAP); only with ``explain=True``."""

    base_value: float | None = None
    """The value without any feature; the contributions are added to it."""

    @staticmethod
    def matches(names: Iterable[str]) -> bool:
        """Tell whether a table with these columns has such predictions."""
        return VALUE in names

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> RegressionPrediction:
        """Return a prediction from JSON."""
        interval = None
        if INTERVAL in answer:
            lower, upper = answer[INTERVAL]
            interval = lower, upper
        return cls(answer[VALUE], interval, answer.get(CONTRIBUTIONS), answer.get(BASE_VALUE))

    @classmethod
    def from_columns(cls, row: Columns) -> RegressionPrediction:
        """Return a prediction from a row without an explanation."""
        return cls(row[VALUE], (row[LOWER], row[UPPER]) if LOWER in row else None)

    def columns(self) -> Columns:
        """Return the prediction as a row of a table."""
        ends = {} if self.interval is None else {LOWER: self.interval[0], UPPER: self.interval[1]}
        return {VALUE: self.value, **ends, **_explanation(self.base_value, self.contributions)}

    def as_json(self) -> dict[str, Any]:
        """Return the prediction as the API has it in JSON."""
        interval = {} if self.interval is None else {INTERVAL: list(self.interval)}
        return _explained({VALUE: self.value, **interval}, self.contributions, self.base_value)


AnyPrediction = Prediction | MulticlassPrediction | RegressionPrediction
P = TypeVar("P", bound=AnyPrediction)

KINDS: tuple[type[AnyPrediction], ...] = (Prediction, MulticlassPrediction, RegressionPrediction)
OF_JSON: Mapping[str, type[AnyPrediction]] = {
    PROBABILITY: Prediction,
    PROBABILITIES: MulticlassPrediction,
    VALUE: RegressionPrediction,
}
"""Member that only predictions of one type have."""


def read_prediction(answer: Mapping[str, Any]) -> AnyPrediction:
    """Return a prediction from JSON.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    for member, kind in OF_JSON.items():
        if member in answer:
            return kind.read(answer)
    raise KeyError(" or ".join(OF_JSON))


def kind_of_columns(names: Iterable[str]) -> type[AnyPrediction]:
    """Return the kind of the predictions of a table.

    Raises:
        UnexpectedAnswer: the columns are not those of predictions.
    """
    found = list(names)
    for kind in KINDS:
        if kind.matches(found):
            return kind
    raise UnexpectedAnswer(f"the answer has no predictions, but the columns {', '.join(found) or '(none)'}")


def _explanation(base_value: float | None, contributions: Mapping[str, float] | None) -> Columns:
    return {} if contributions is None else {BASE_VALUE: base_value, **_prefixed(CONTRIBUTION, contributions)}


def _explained(answer: dict[str, Any], contributions: Any, base_value: Any) -> dict[str, Any]:
    return answer if contributions is None else {**answer, CONTRIBUTIONS: contributions, BASE_VALUE: base_value}


def _prefixed(prefix: str, values: Mapping[str, float]) -> Columns:
    return {f"{prefix}.{name}": value for name, value in values.items()}
