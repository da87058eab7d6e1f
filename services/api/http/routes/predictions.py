"""Predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from fastapi import APIRouter, Depends, Query, Request, Response

from services.api.auth.tokens.access_tokens import Claims
from services.api.errors import TooManyRows
from services.api.http.body import read_rows
from services.api.http.columnar import Form, Reader
from services.api.http.counted_prediction import charged, counted_refusals, predict_and_count
from services.api.http.dependencies import Served, Services, allow_prediction
from services.api.http.media_types import ARROW, JSON, prefers_arrow
from services.api.http.problems import documented
from services.api.prediction.batches import Batches, Cost
from services.api.prediction.targets.target import Predicted

__all__ = ["router"]

router = APIRouter(tags=["predictions"])

Matrix = npt.NDArray[np.float32]

INLINE_BYTES = 256 * 1024
"""Columns in up to this many bytes are read on the event loop; a thread would cost more than reading them."""

EXPLAIN = (
    "Add the contribution of each feature (SHAP): in log-odds; for three or more classes, to the score of each class; "
    "for a predicted number, in its unit."
)

Predictor = Annotated[Claims, Depends(allow_prediction)]


@router.post(
    "/v1/predict", responses=documented(400, 401, 403, 408, 413, 415, 422, 429, 503), openapi_extra={"x-body": "rows"}
)
async def predict(
    request: Request,
    caller: Predictor,
    services: Served,
    explain: Annotated[bool, Query(description=EXPLAIN)] = False,
    feedback: Annotated[
        bool, Query(description="Return a feedback_token; false saves 5 bytes for each number of the predictions.")
    ] = True,
) -> Response:
    """Predict every row, and name the model that predicted it.

    Send rows or columns in JSON, a Parquet file, or an Arrow stream, which is fastest for many rows. With an Accept
    header the response is an Arrow stream too.

    Keep the `feedback_token` if you will know the true labels later, and send both to /v1/feedback.
    """
    columnar, batches = services.columnar, request.app.state.batches
    answer = _Answer(
        services,
        user=caller.subject,
        has_feedback=feedback,
        request_id=request.scope["request_id"],
        is_arrow=prefers_arrow(request.headers.get("accept", "")),
    )
    with columnar.bodies.place() as place:
        with counted_refusals(services, caller.subject):
            form, body = await read_rows(request, place, max_columnar_bytes=columnar.max_body_bytes)
            if form is Form.PARQUET:
                body = await columnar.parquet.decode(request, body)
                if len(body) > request.scope["body_bound"].max_row_bytes:
                    place.take()
        if form is Form.ROWS:
            content = await _predict_read(request, answer, lambda: services.reader.read_matrix(bytes(body)), explain)
        elif len(body) <= INLINE_BYTES:
            content = await _predict_read(request, answer, lambda: columnar.readers[form].read_matrix(body), explain)
        else:
            cost = Cost(f"{form.value}, explained" if explain else form.value, len(body))
            content = await batches.run(request, cost, _predict_columns, answer, columnar.readers[form], body, explain)
    headers = {"X-Model-Version": services.model.version, "Cache-Control": "no-store"}
    return Response(content, headers=headers, media_type=ARROW if answer.is_arrow else JSON)


@dataclass(frozen=True)
class _Answer:
    """What the response to a request depends on, besides the predictions."""

    services: Services
    user: str
    has_feedback: bool
    """Whether there is to be a feedback token."""

    request_id: str
    is_arrow: bool

    def write(self, predicted: Predicted) -> bytes:
        """Return the body of the response."""
        services, token = self.services, ""
        if self.has_feedback and len(predicted.outputs) <= services.columnar.max_feedback_rows:
            token = services.feedback_tokens.issue(self.user, predicted.outputs)
        written = services.columnar.answer if self.is_arrow else services.answer
        return written.write(predicted, feedback_token=token, request_id=self.request_id)


async def _predict_read(request: Request, answer: _Answer, read: Callable[[], Matrix], explain: bool) -> bytes:
    """Predict what is read on the event loop, and stay there if the rows are few."""
    services = answer.services
    with counted_refusals(services, answer.user):
        matrix = read()
        _check_explained(services, len(matrix), explain=explain)
    with charged(services, answer.user, len(matrix)):
        if not explain and len(matrix) <= services.inline_rows:
            return answer.write(predict_and_count(services, matrix, explain=False))
        batches: Batches = request.app.state.batches
        cost = Cost("rows, explained" if explain else "rows", len(matrix))
        return answer.write(await batches.run(request, cost, predict_and_count, services, matrix, explain=explain))


def _predict_columns(answer: _Answer, reader: Reader, body: bytes | bytearray, explain: bool) -> bytes:
    """Predict columns. It runs in a thread from reading the body to writing the response."""
    services = answer.services
    with counted_refusals(services, answer.user):
        matrix = reader.read_matrix(body)
        _check_explained(services, len(matrix), explain=explain)
    with charged(services, answer.user, len(matrix)):
        return answer.write(predict_and_count(services, matrix, explain=explain))


def _check_explained(services: Services, rows: int, *, explain: bool) -> None:
    if explain and rows > services.max_explain_rows:
        raise TooManyRows(f"rows: send at most {services.max_explain_rows} rows with explain=true")
