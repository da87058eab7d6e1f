"""Two classes: the answer is a label and the probability of the positive class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bundle import Bins, Contract
from services.api.prediction.targets.explanations import Explanations
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

__all__ = ["BinaryTarget"]

PROBABILITY = "probability"


class BinaryTarget:
    """A target with two classes, the negative one first."""

    identity = "labels"
    meaning = "the label, and the probability of the positive class"

    def __init__(self, contract: Contract, score: Bins) -> None:
        """Prepare what is the same for all requests."""
        target = contract.target
        self.classes, self._threshold = target.classes, float(target.threshold or 0)
        features = [feature.name for feature in contract.features]
        self._explanations = Explanations(features, unit="log-odds", base="Log-odds without any feature")
        self.number_columns: tuple[str, ...] = (PROBABILITY,)
        self.all_columns = (PROBABILITY, *self._explanations.columns)
        self.tensors = {PROBABILITY: Tensor("FP32", (), lambda predicted: predicted.outputs), LABEL: LABEL_TENSOR}
        self.truth_type: Any = Literal[self.classes]
        self.truth_text = label_text(self.classes)
        self.example_truth: Truth = self.classes[1]
        self._edges, self._bins = np.asarray(score.edges or (), dtype=np.float32), len(score.labels)
        self.feedback_series: tuple[Series, ...] = (
            *series_of_labels(self.classes),
            Series(
                "espalier_feedback_score_bin_total",
                "Probabilities of rows with feedback, by bin and true label.",
                ("bin", "label"),
                [(name, label) for label in self.classes for name in score.labels],
            ),
        )

    def decide(self, matrix: Floats, outputs: Floats, contributions: Floats | None) -> Predicted:
        """A probability at or above the threshold gets the positive label."""
        return Predicted(matrix, outputs, outputs >= self._threshold, outputs, contributions)

    def count_labels(self, predicted: Predicted, values: memoryview[float], begin: int) -> None:
        """Add to the counts of both labels."""
        positives = int(np.count_nonzero(predicted.codes))  # type: ignore[arg-type]
        values[begin] += len(predicted.outputs) - positives
        values[begin + 1] += positives

    def shap_sums(self, contributions: Floats) -> list[float]:
        """Return the sums by feature."""
        return self._explanations.sums(contributions)

    def rows(self, predicted: Predicted, start: int, stop: int) -> list[dict[str, Any]]:
        """Return label and probability."""
        labels, codes = self.classes, predicted.codes[start:stop].tolist()  # type: ignore[index]
        predictions: list[dict[str, Any]] = [
            {"label": labels[code], "probability": probability}  # literals: a tenth faster than names
            for code, probability in zip(codes, predicted.outputs[start:stop].tolist(), strict=True)
        ]
        if predicted.contributions is not None:
            self._explanations.add(predictions, predicted.contributions[start:stop])
        return predictions

    def numbers(self, predicted: Predicted) -> list[Floats]:
        """Return the columns."""
        if predicted.contributions is None:
            return [predicted.outputs]
        return [predicted.outputs, *self._explanations.read_columns(predicted.contributions)]

    def schema(self) -> dict[str, Any]:
        """Return the schema."""
        probability = {"type": "number", "minimum": 0, "maximum": 1}
        properties = {LABEL: label_schema(self.classes), PROBABILITY: probability}
        return {
            "type": "object",
            "required": list(properties),
            "properties": {**properties, **self._explanations.schema()},
        }

    def score(self, outputs: Floats, truth: Sequence[Truth], threshold: float) -> npt.NDArray[np.float64]:
        """Return rows by label, log loss, squared error, and rows by label and bin."""
        codes, likely = encode_labels(truth, self.classes), outputs.astype(np.float64)
        of_truth = np.clip(np.where(codes, likely, 1 - likely), SMALLEST, 1 - SMALLEST)
        sums = [-np.log(of_truth).sum(), np.square(likely - codes).sum()]
        places = codes * self._bins + np.searchsorted(self._edges, outputs, side="right")
        bins = np.bincount(places, minlength=2 * self._bins)
        return np.concatenate([label_counts(codes, outputs >= threshold, classes=2), sums, bins])
