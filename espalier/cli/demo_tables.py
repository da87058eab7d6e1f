"""The tables that the demo shows: some predictions beside what was true, and all of them together.

One class for each type of target; ``tables_of`` chooses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

from espalier.cli.shown import number
from espalier.client import MulticlassPrediction, Prediction, RegressionPrediction
from espalier.local.demo_client import Sample

__all__ = ["Tables", "by_fifth", "most_middle_least", "tables_of"]

Lines = list[list[str]]


class Tables(Protocol):
    """What is shown of the predictions of one type of target."""

    order: str
    """By what the rows are ordered."""

    scores: Sequence[float]
    """By which they are ordered, the highest first."""

    columns: Sequence[str]
    """Of one row."""

    def line(self, place: int) -> list[str]:
        """Return the cells of one row."""

    summary_title: str
    summary_columns: Sequence[str]

    def summary(self) -> Lines:
        """Return the lines about all rows."""


def tables_of(sample: Sample, classes: Sequence[str]) -> Tables:
    """Return what is shown of a sample; ``classes`` are the labels in the order of their codes."""
    first = sample.predictions[0]
    if isinstance(first, RegressionPrediction):
        return _Regression(sample)
    return _Multiclass(sample, classes) if isinstance(first, MulticlassPrediction) else _Binary(sample, classes)


def most_middle_least(scores: Sequence[float], each: int) -> list[int]:
    """Return places: the ``each`` highest scores, as many from the middle, and the lowest, in that order."""
    order = _highest_first(scores)
    if len(order) <= 3 * each:
        return order
    middle = (len(order) - each) // 2
    return [*order[:each], *order[middle : middle + each], *order[-each:]]


def by_fifth(scores: Sequence[float], truth: Sequence[float]) -> list[tuple[float, float]]:
    """Return the mean score and the mean truth of each fifth of the rows, the highest first; fewer for few rows."""
    order = _highest_first(scores)
    bounds = [round(len(order) * part / 5) for part in range(6)]
    parts = [order[begin:end] for begin, end in pairwise(bounds) if end > begin]
    return [(_mean([scores[place] for place in part]), _mean([truth[place] for place in part])) for part in parts]


class _Binary:
    order = "probability"
    summary_title = "by fifths of predicted probability"

    def __init__(self, sample: Sample, classes: Sequence[str]) -> None:
        self._truth, self._positive = sample.truth, classes[1]
        self.scores: Sequence[float] = [one.probability for one in _of(Prediction, sample)]
        self.columns: Sequence[str] = (f"P({self._positive})", "actual")
        self.summary_columns: Sequence[str] = ("fifth", "predicted", f"actually {self._positive}")

    def line(self, place: int) -> list[str]:
        return [f"{self.scores[place]:.2f}", self._truth[place]]

    def summary(self) -> Lines:
        found = by_fifth(self.scores, [float(label == self._positive) for label in self._truth])
        return [[f"{place}.", f"{mean:.0%}", f"{actual:.0%}"] for place, (mean, actual) in enumerate(found, start=1)]


class _Multiclass:
    order = "probability of the predicted class"
    summary_title = "by actual and predicted class"
    columns: Sequence[str] = ("predicted", "probability", "actual")

    def __init__(self, sample: Sample, classes: Sequence[str]) -> None:
        self._truth, self._classes = sample.truth, classes
        predictions = _of(MulticlassPrediction, sample)
        self._labels = [one.label for one in predictions]
        self.scores: Sequence[float] = [one.probabilities[one.label] for one in predictions]
        self.summary_columns: Sequence[str] = ("actual", *(f"predicted {label}" for label in classes))

    def line(self, place: int) -> list[str]:
        return [self._labels[place], f"{self.scores[place]:.2f}", self._truth[place]]

    def summary(self) -> Lines:
        pairs = Counter(zip(self._truth, self._labels, strict=True))
        return [[actual, *(str(pairs[actual, label]) for label in self._classes)] for actual in self._classes]


class _Regression:
    order = "value"
    summary_title = "by fifths of predicted value"
    summary_columns: Sequence[str] = ("fifth", "predicted (mean)", "actual (mean)")

    def __init__(self, sample: Sample) -> None:
        self._truth = sample.truth
        self._predictions = _of(RegressionPrediction, sample)
        self.scores: Sequence[float] = [one.value for one in self._predictions]
        ends = () if self._predictions[0].interval is None else ("lower", "upper")
        self.columns: Sequence[str] = ("value", *ends, "actual")

    def line(self, place: int) -> list[str]:
        one = self._predictions[place]
        return [number(value) for value in (one.value, *(one.interval or ()), self._truth[place])]

    def summary(self) -> Lines:
        found = by_fifth(self.scores, self._truth)
        return [[f"{place}.", number(mean), number(actual)] for place, (mean, actual) in enumerate(found, start=1)]


def _of(kind: type[Any], sample: Sample) -> list[Any]:
    return [one for one in sample.predictions if isinstance(one, kind)]


def _highest_first(scores: Sequence[float]) -> list[int]:
    return sorted(range(len(scores)), key=lambda place: -scores[place])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
