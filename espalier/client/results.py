"""What a call returns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from espalier.client.errors import UnexpectedAnswer
from espalier.client.predictions import AnyPrediction, kind_of_columns

__all__ = ["Answered", "FeedbackCount", "Model", "Part", "Predictions", "Receipt"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Model:
    """The model that predicted, and what it was made from."""

    name: str
    version: str
    run_id: str = ""
    git_commit: str = ""
    data_md5: str = ""

    @classmethod
    def read(cls, answer: Any) -> Model:
        """Return the model that an answer names; members of later versions of the API are ignored.

        Raises:
            UnexpectedAnswer: it names none.
        """
        try:
            return cls(**{field.name: str(answer[field.name]) for field in fields(cls) if field.name in answer})
        except (TypeError, KeyError) as error:
            raise UnexpectedAnswer("the answer names no model") from error


@dataclass(frozen=True, slots=True)
class Receipt:
    """What feedback needs: the token of one request, and its number of rows."""

    feedback_token: str
    """Empty if the request had more rows than the API takes feedback on, by default 1,000."""

    rows: int


@dataclass(frozen=True, slots=True)
class Part:
    """What one request has predicted."""

    rows: int
    model: Model
    feedback_token: str
    request_id: str
    """Names the request in the log of the API."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to one request: from JSON as predictions, from Arrow as columns."""

    model: Model
    feedback_token: str
    request_id: str
    rows: int
    predictions: Sequence[AnyPrediction] | None = None
    columns: Mapping[str, Sequence[Any]] | None = None

    def kind(self) -> type[AnyPrediction]:
        """Return what was predicted."""
        return kind_of_columns(self.columns) if self.columns is not None else type((self.predictions or ())[0])

    def part(self) -> Part:
        """Return the answer without its rows."""
        return Part(self.rows, self.model, self.feedback_token, self.request_id)

    def as_columns(self) -> Mapping[str, Sequence[Any]]:
        """Return the columns of a table."""
        if self.columns is not None:
            return self.columns
        rows = [prediction.columns() for prediction in self.predictions or ()]
        return {name: [row[name] for row in rows] for name in rows[0]}


@dataclass(frozen=True)
class Predictions(Generic[T]):
    """The predictions of all rows, and where they come from."""

    predictions: T
    """Of the kind that was passed: a list of ``Prediction`` (``MulticlassPrediction``, ``RegressionPrediction``), or a
    table. Its columns are ``label`` and ``probability``; with three or more classes ``label`` and ``probability.CLASS``
    for each; for a number ``value``, and ``lower`` and ``upper`` if it has an interval. With ``explain=True`` also
    ``base_value`` and ``contribution.NAME`` for each feature; with three or more classes ``base_value.CLASS`` and
    ``contribution.CLASS.NAME``."""

    parts: tuple[Part, ...]
    """One for each request, in the order of the rows; at least one."""

    def __len__(self) -> int:
        """Return the number of rows."""
        return sum(part.rows for part in self.parts)

    @property
    def model(self) -> Model:
        """The model; the last one, if another version was rolled out meanwhile."""
        return self.parts[-1].model

    @property
    def versions(self) -> dict[str, int]:
        """Model version → number of its rows."""
        counts: Counter[str] = Counter()
        for part in self.parts:
            counts[part.model.version] += part.rows
        return dict(counts)

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """What feedback needs: keep it if you will know the true labels later."""
        return tuple(Receipt(part.feedback_token, part.rows) for part in self.parts)

    @property
    def request_ids(self) -> tuple[str, ...]:
        """The id of each request, in order."""
        return tuple(part.request_id for part in self.parts)


@dataclass(frozen=True, slots=True)
class FeedbackCount:
    """How many labels, or true values, were counted. A row counts once, however often its label is sent."""

    counted: int
    already_counted: int
