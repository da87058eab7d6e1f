"""Predictions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from services.api.batches import Batches
from services.api.bodies import read_json
from services.api.dependencies import Served, Services, allow
from services.api.errors import InvalidRequest, TooManyRows
from services.api.http_errors import documented
from services.api.prediction import INLINE_ROWS, answer, predict_rows
from services.api.scopes import Scope
from services.api.tokens import Claims

__all__ = ["router"]

router = APIRouter(tags=["predictions"])

Predictor = Annotated[Claims, Depends(allow(Scope.PREDICT))]


@router.post("/v1/predict", responses=documented(400, 401, 403, 413, 415, 422, 503), openapi_extra={"x-body": "rows"})
async def predict(
    request: Request,
    caller: Predictor,
    services: Served,
    explain: Annotated[bool, Query(description="Add what each feature contributed, in log-odds (SHAP).")] = False,
) -> Response:
    """Predict every row: the label, the probability of the positive class, and which model said so.

    Keep `feedback_token` if you will learn how the rows turn out: /v1/feedback takes it with their true labels.
    """
    try:
        body = await read_json(request)
        rows = services.reader.read(body)
        if explain and len(rows) > services.settings.max_explain_rows:
            raise TooManyRows(f"rows: at most {services.settings.max_explain_rows} rows with explain=true")
    except InvalidRequest as error:
        _count(services, error)
        raise
    if explain or len(rows) > INLINE_ROWS:
        batches: Batches = request.app.state.batches
        predicted = await batches.run(request, predict_rows, services.model, services.metrics, rows, explain=explain)
    else:
        predicted = predict_rows(services.model, services.metrics, rows, explain=False)
    feedback_token = services.feedback_tokens.issue(caller.subject, predicted.probabilities)
    return answer(services.model, predicted, feedback_token, request.scope["request_id"])


def _count(services: Services, error: InvalidRequest) -> None:
    for reason in {problem.reason for problem in error.problems} or {error.reason}:
        services.metrics.count_rejection(reason)
