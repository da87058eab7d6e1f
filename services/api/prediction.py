"""From validated rows to the answer: encode, predict, count, write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from fastapi import Response
from opentelemetry import trace

from services.api.encoding import encode
from services.api.metrics import ApiMetrics
from services.api.model import Model

__all__ = ["INLINE_ROWS", "Predicted", "answer", "predict_rows"]

TRACER = trace.get_tracer(__name__)

INLINE_ROWS = 16
"""Up to so many rows are predicted on the event loop: a thread's hand-over would cost more than the work."""


@dataclass(frozen=True)
class Predicted:
    """(n,) probabilities and labels, and (n, features + 1) contributions where they were asked for."""

    probabilities: npt.NDArray[np.float32]
    positive: npt.NDArray[np.bool_]
    contributions: npt.NDArray[np.float32] | None


def predict_rows(model: Model, metrics: ApiMetrics, rows: Sequence[Mapping[str, Any]], *, explain: bool) -> Predicted:
    """Predict, and count what was seen and said."""
    with _traced(len(rows)), metrics.predict_seconds.time():
        matrix = encode(rows, model.bundle.contract)
        probabilities = model.predict(matrix)
        contributions = model.explain(matrix) if explain else None
    positive = probabilities >= model.threshold
    metrics.count_predictions(matrix, probabilities, int(positive.sum()))
    if contributions is not None:
        metrics.count_contributions(contributions)
    return Predicted(probabilities, positive, contributions)


def _traced(rows: int) -> AbstractContextManager[Any]:
    """Return a span within a request's that is recorded, and nothing for the rest: even an empty one costs."""
    if not trace.get_current_span().is_recording():
        return nullcontext()
    return TRACER.start_as_current_span("predict", attributes={"espalier.rows": rows})


def answer(model: Model, predicted: Predicted, feedback_token: str, request_id: str) -> Response:
    """Write the response; every answer says which model, data and code it comes from."""
    names = model.label_names
    predictions: list[dict[str, Any]] = [
        {"label": names[positive], "probability": probability}
        for positive, probability in zip(predicted.positive.tolist(), predicted.probabilities.tolist(), strict=True)
    ]
    if predicted.contributions is not None:
        features = [feature.name for feature in model.bundle.contract.features]
        for prediction, values in zip(predictions, predicted.contributions.tolist(), strict=True):
            prediction["contributions"] = dict(zip(features, values[:-1], strict=True))
            prediction["base_value"] = values[-1]
    lineage = model.bundle.manifest.lineage
    served = {
        "name": model.name,
        "version": model.version,
        "run_id": lineage.run_id,
        "git_commit": lineage.git_commit,
        "data_md5": lineage.data_md5,
    }
    headers = {"X-Model-Version": model.version, "Cache-Control": "no-store"}
    body = orjson.dumps(
        {"model": served, "predictions": predictions, "feedback_token": feedback_token, "request_id": request_id}
    )
    return Response(body, headers=headers, media_type="application/json")
