"""SHAP values in answers: one for each feature, or one for each feature and class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from services.api.prediction.targets.target import Floats

__all__ = ["ClassExplanations", "Explanations"]


class Explanations:
    """(n, features + 1) SHAP values, with the base value last."""

    def __init__(self, features: Sequence[str], *, unit: str, base: str) -> None:
        """Take the names of the features, and for the OpenAPI document the unit and what the base value is."""
        self._features, self._unit, self._base = features, unit, base
        self.columns = ("base_value", *(f"contribution.{name}" for name in features))

    def add(self, predictions: list[dict[str, Any]], contributions: Floats) -> None:
        """Add those of each row to its prediction."""
        for prediction, values in zip(predictions, contributions.tolist(), strict=True):
            prediction["contributions"] = dict(zip(self._features, values[:-1], strict=True))
            prediction["base_value"] = values[-1]

    def read_columns(self, contributions: Floats) -> list[Floats]:
        """Return (n,) values of each of ``columns``."""
        return [contributions[:, -1], *contributions[:, :-1].T]

    def sums(self, contributions: Floats) -> list[float]:
        """Return the sum of the absolute values of every feature."""
        found: list[float] = np.abs(contributions[:, :-1]).sum(axis=0, dtype="float64").tolist()
        return found

    def schema(self) -> dict[str, Any]:
        """Return the JSON schemas of what ``add`` adds."""
        features = {name: {"type": "number"} for name in self._features}
        text = f"Contribution of each feature, in {self._unit}"
        return {
            "contributions": {"type": "object", "description": text, "properties": features},
            "base_value": {"type": "number", "description": self._base},
        }


class ClassExplanations:
    """(n, classes, features + 1) SHAP values, with the base value of each class last."""

    def __init__(self, features: Sequence[str], classes: Sequence[str]) -> None:
        """Take the names of the features and of the classes."""
        self._features, self._classes = features, classes
        self.columns = (
            *(f"base_value.{label}" for label in classes),
            *(f"contribution.{label}.{name}" for label in classes for name in features),
        )

    def add(self, predictions: list[dict[str, Any]], contributions: Floats) -> None:
        """Add those of each row to its prediction."""
        features, classes = self._features, self._classes
        for prediction, rows in zip(predictions, contributions.tolist(), strict=True):
            prediction["contributions"] = {
                label: dict(zip(features, values[:-1], strict=True))
                for label, values in zip(classes, rows, strict=True)
            }
            prediction["base_value"] = {label: values[-1] for label, values in zip(classes, rows, strict=True)}

    def read_columns(self, contributions: Floats) -> list[Floats]:
        """Return (n,) values of each of ``columns``."""
        return [*contributions[:, :, -1].T, *contributions[:, :, :-1].reshape(len(contributions), -1).T]

    def sums(self, contributions: Floats) -> list[float]:
        """Return the sum over the rows of the mean absolute value over the classes, of every feature."""
        found: list[float] = np.abs(contributions[:, :, :-1]).mean(axis=1, dtype="float64").sum(axis=0).tolist()
        return found

    def schema(self) -> dict[str, Any]:
        """Return the JSON schemas of what ``add`` adds."""
        by_feature = {"type": "object", "properties": {name: {"type": "number"} for name in self._features}}
        return {
            "contributions": {
                "type": "object",
                "description": "For each class, the contribution of each feature to its score (softmax input)",
                "properties": dict.fromkeys(self._classes, by_feature),
            },
            "base_value": {
                "type": "object",
                "description": "For each class, its score without any feature",
                "properties": {label: {"type": "number"} for label in self._classes},
            },
        }
