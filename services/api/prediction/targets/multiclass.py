"""Three or more classes: the answer is a label and the probability of every class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bundle import Contract
from services.api.prediction.targets.explanations import ClassExplanations
from services.api.prediction.targets.labels import (
    LABEL,
    LABEL_TENSOR,
    SMALLEST,
    encode_labels,
    label_counts,
    label_schema,
    label_text,
    series_of_labels,
)
from services.api.prediction.targets.target import Floats, Predicted, Series, Tensor, Truth

__all__ = ["MulticlassTarget"]

PROBABILITIES = "probabilities"


class MulticlassTarget:
    """A target with three or more classes."""

    identity = "labels"
    meaning = "the most probable label, and the probability of every class"

    def __init__(self, contract: Contract) -> None:
        """Prepare what is the same for all requests."""
        self.classes = contract.target.classes
        self._explanations = ClassExplanations([feature.name for feature in contract.features], self.classes)
        self.number_columns = tuple(f"probability.{label}" for label in self.classes)
        self.all_columns = (*self.number_columns, *self._explanations.columns)
        probabilities = Tensor("FP32", (len(self.classes),), lambda predicted: predicted.outputs)
        self.tensors = {PROBABILITIES: probabilities, LABEL: LABEL_TENSOR}
        self.truth_type: Any = Literal[self.classes]
        self.truth_text = label_text(self.classes)
        self.example_truth: Truth = self.classes[1]
        self.feedback_series: tuple[Series, ...] = series_of_labels(self.classes)

    def decide(self, matrix: Floats, outputs: Floats, contributions: Floats | None) -> Predicted:
        """The most probable class is predicted; of equal ones the first."""
        codes = outputs.argmax(axis=1)
        return Predicted(matrix, outputs, codes.astype(np.int8), codes.astype(np.float32), contributions)

    def count_labels(self, predicted: Predicted, values: memoryview[float], begin: int) -> None:
        """Add to the counts of the labels."""
        for code, rows in enumerate(np.bincount(predicted.codes).tolist()):  # type: ignore[arg-type]
            values[begin + code] += rows

    def shap_sums(self, contributions: Floats) -> list[float]:
        """Return the sums by feature, of the mean over the classes."""
        return self._explanations.sums(contributions)

    def rows(self, predicted: Predicted, start: int, stop: int) -> list[dict[str, Any]]:
        """Return label and probabilities."""
        labels, codes = self.classes, predicted.codes[start:stop].tolist()  # type: ignore[index]
        predictions: list[dict[str, Any]] = [
            {LABEL: labels[code], PROBABILITIES: dict(zip(labels, probabilities, strict=True))}
            for code, probabilities in zip(codes, predicted.outputs[start:stop].tolist(), strict=True)
        ]
        if predicted.contributions is not None:
            self._explanations.add(predictions, predicted.contributions[start:stop])
        return predictions

    def numbers(self, predicted: Predicted) -> list[Floats]:
        """Return the columns."""
        columns = list(predicted.outputs.T)
        if predicted.contributions is not None:
            columns += self._explanations.read_columns(predicted.contributions)
        return columns

    def schema(self) -> dict[str, Any]:
        """Return the schema."""
        probability = {"type": "number", "minimum": 0, "maximum": 1}
        of_classes = {
            "type": "object",
            "required": list(self.classes),
            "properties": dict.fromkeys(self.classes, probability),
        }
        properties = {LABEL: label_schema(self.classes), PROBABILITIES: of_classes}
        return {
            "type": "object",
            "required": list(properties),
            "properties": {**properties, **self._explanations.schema()},
        }

    def score(self, outputs: Floats, truth: Sequence[Truth], threshold: float) -> npt.NDArray[np.float64]:  # noqa: ARG002
        """Return rows by label, log loss, and squared error: summed over the classes, 0 to 2 for a row."""
        codes, likely = encode_labels(truth, self.classes), outputs.astype(np.float64)
        places = np.arange(len(codes)), codes
        log_loss = -np.log(np.clip(likely[places], SMALLEST, 1 - SMALLEST)).sum()
        likely[places] -= 1
        sums = [log_loss, np.square(likely).sum()]
        return np.concatenate([label_counts(codes, outputs.argmax(axis=1), classes=len(self.classes)), sums])
