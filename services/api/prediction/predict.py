"""Compute probabilities and contributions from validated rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from opentelemetry import trace

from services.api.model.encoding import encode
from services.api.model.loaded import Model

__all__ = ["INLINE_ROWS", "Predicted", "predict_rows"]

TRACER = trace.get_tracer(__name__)

INLINE_ROWS = 16
"""Up to this many rows are predicted on the event loop: switching to a thread would cost more than the work."""


@dataclass(frozen=True)
class Predicted:
    """(n, features) encoded rows, (n,) probabilities and labels, (n, features + 1) contributions if requested."""

    matrix: npt.NDArray[np.float32]
    probabilities: npt.NDArray[np.float32]
    positive: npt.NDArray[np.bool_]
    contributions: npt.NDArray[np.float32] | None


def predict_rows(model: Model, rows: Sequence[Mapping[str, Any]], *, explain: bool) -> Predicted:
    """Encode and predict, and explain if requested."""
    with _traced(len(rows)):
        matrix = encode(rows, model.bundle.contract)
        probabilities = model.predict(matrix)
        contributions = model.explain(matrix) if explain else None
    return Predicted(matrix, probabilities, probabilities >= model.threshold, contributions)


def _traced(rows: int) -> AbstractContextManager[Any]:
    """Return a span if the request's span is recorded, else nothing: even an empty span costs time."""
    if not trace.get_current_span().is_recording():
        return nullcontext()
    return TRACER.start_as_current_span("predict", attributes={"espalier.rows": rows})
