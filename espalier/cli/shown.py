"""Predictions as lines of a printed table, for each type of target."""

from __future__ import annotations

from collections.abc import Mapping

from espalier.client import MulticlassPrediction, RegressionPrediction
from espalier.client.predictions import AnyPrediction

__all__ = ["columns_of", "line_of", "number"]

MAIN = 3
"""Contributions that are shown."""

LARGE = 10_000
"""Values from here on are shown without decimals."""


def columns_of(prediction: AnyPrediction, *, explain: bool) -> list[str]:
    """Return the titles of the columns."""
    if isinstance(prediction, RegressionPrediction):
        named = ["value"] if prediction.interval is None else ["value", "lower", "upper"]
    else:
        named = ["label", "probability"]
    return ["row", *named, *(["main contributions"] if explain else [])]


def line_of(row: int, prediction: AnyPrediction) -> list[str]:
    """Return the cells of one row; of three or more classes, the predicted one is shown and explained."""
    contributions: Mapping[str, float] | None
    if isinstance(prediction, RegressionPrediction):
        cells = [number(value) for value in (prediction.value, *(prediction.interval or ()))]
        contributions = prediction.contributions
    elif isinstance(prediction, MulticlassPrediction):
        cells = [prediction.label, f"{prediction.probabilities[prediction.label]:.3f}"]
        contributions = None if prediction.contributions is None else prediction.contributions[prediction.label]
    else:
        cells = [prediction.label, f"{prediction.probability:.3f}"]
        contributions = prediction.contributions
    explained = [] if contributions is None else [_strongest(contributions, prediction)]
    return [str(row), *cells, *explained]


def number(value: float) -> str:
    """Return a value in an unknown unit with four or more digits that matter."""
    return f"{value:,.0f}" if abs(value) >= LARGE else f"{value:.4g}"


def _strongest(contributions: Mapping[str, float], prediction: AnyPrediction) -> str:
    strongest = sorted(contributions.items(), key=lambda item: -abs(item[1]))[:MAIN]
    if isinstance(prediction, RegressionPrediction):
        return ", ".join(f"{name} {'+' if value >= 0 else ''}{number(value)}" for name, value in strongest)
    return ", ".join(f"{name} {value:+.2f}" for name, value in strongest)
