"""Predict encoded rows, and explain them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from opentelemetry import trace

from services.api.model.loaded import Model
from services.api.prediction.targets.target import Predicted, ServedTarget

__all__ = ["predict_matrix", "predict_untraced"]

TRACER = trace.get_tracer(__name__)


def predict_matrix(model: Model, target: ServedTarget, matrix: npt.NDArray[np.float32], *, explain: bool) -> Predicted:
    """Predict (n, features) encoded rows, and explain them if requested."""
    if not trace.get_current_span().is_recording():  # even an empty span costs time
        return predict_untraced(model, target, matrix, explain=explain)
    with TRACER.start_as_current_span("predict", attributes={"espalier.rows": len(matrix)}):
        return predict_untraced(model, target, matrix, explain=explain)


def predict_untraced(
    model: Model, target: ServedTarget, matrix: npt.NDArray[np.float32], *, explain: bool
) -> Predicted:
    """Do the same where nothing is traced: asking costs as much as reading a row."""
    outputs = model.predict(matrix)
    return target.decide(matrix, outputs, model.explain(matrix) if explain else None)
