"""Compute probabilities and contributions of encoded rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from opentelemetry import trace

from services.api.model.loaded import Model

__all__ = ["Predicted", "predict_matrix", "predict_untraced"]

TRACER = trace.get_tracer(__name__)


@dataclass(frozen=True)
class Predicted:
    """(n, features) encoded rows, (n,) probabilities and labels, (n, features + 1) contributions if requested."""

    matrix: npt.NDArray[np.float32]
    probabilities: npt.NDArray[np.float32]
    positive: npt.NDArray[np.bool_]
    contributions: npt.NDArray[np.float32] | None


def predict_matrix(model: Model, matrix: npt.NDArray[np.float32], *, explain: bool) -> Predicted:
    """Predict (n, features) encoded rows, and explain them if requested."""
    if not trace.get_current_span().is_recording():  # even an empty span costs time
        return predict_untraced(model, matrix, explain=explain)
    with TRACER.start_as_current_span("predict", attributes={"espalier.rows": len(matrix)}):
        return predict_untraced(model, matrix, explain=explain)


def predict_untraced(model: Model, matrix: npt.NDArray[np.float32], *, explain: bool) -> Predicted:
    """Do the same where nothing is traced: asking costs as much as reading a row."""
    probabilities = model.predict(matrix)
    contributions = model.explain(matrix) if explain else None
    return Predicted(matrix, probabilities, probabilities >= model.threshold, contributions)
