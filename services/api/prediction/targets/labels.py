"""What targets with classes have in common: their labels in answers and in feedback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from services.api.prediction.targets.target import Predicted, Series, Tensor, Truth

__all__ = [
    "LABEL",
    "LABEL_TENSOR",
    "MAX_NAMED",
    "SMALLEST",
    "encode_labels",
    "label_counts",
    "label_schema",
    "label_text",
    "series_of_labels",
]

LABEL = "label"

SMALLEST = float(np.finfo(np.float64).eps)
"""Minimum distance of probabilities from 0 and 1, as in scikit-learn: a certain mistake costs 36 nats."""

MAX_NAMED = 12
"""Labels that an error message names."""

Codes = npt.NDArray[np.intp]


def _codes(predicted: Predicted) -> npt.NDArray[Any]:
    assert predicted.codes is not None  # noqa: S101 (a target with classes has set them)
    return predicted.codes


LABEL_TENSOR = Tensor("BYTES", (), _codes)


def label_schema(classes: Sequence[str]) -> dict[str, Any]:
    """Return the JSON schema of a label."""
    return {"type": "string", "enum": list(classes)}


def label_text(classes: Sequence[str]) -> str:
    """Return the labels for an error message; of many, only the first ones."""
    more = f", … ({len(classes)} in total, see GET /v1/model)" if len(classes) > MAX_NAMED else ""
    return f"one of {', '.join(classes[:MAX_NAMED])}{more}"


def encode_labels(truth: Sequence[Truth], classes: Sequence[str]) -> Codes:
    """Return (n,) codes of labels."""
    codes: dict[Truth, int] = {label: code for code, label in enumerate(classes)}
    return np.array([codes[label] for label in truth], dtype=np.intp)


def label_counts(truth: Codes, predicted: npt.NDArray[Any], *, classes: int) -> npt.NDArray[np.int64]:
    """Return (classes * classes,) numbers of rows by true and predicted class."""
    return np.bincount(truth * classes + predicted, minlength=classes * classes)


def series_of_labels(classes: Sequence[str]) -> tuple[Series, Series, Series]:
    """Return the counters of rows by label, of log losses, and of squared errors."""
    pairs = [(label, predicted) for label in classes for predicted in classes]
    return (
        Series(
            "espalier_feedback_total",
            "Predicted rows with feedback, by the true and the predicted label.",
            ("label", "predicted"),
            pairs,
        ),
        Series("espalier_feedback_log_loss_total", "Sum of the log losses of rows with feedback, in nats."),
        Series(
            "espalier_feedback_squared_error_total",
            "Sum of the squared errors of the predictions of rows with feedback.",
        ),
    )
