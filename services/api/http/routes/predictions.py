"""Predictions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from services.api.auth.access_tokens import Claims
from services.api.auth.scopes import Scope
from services.api.errors import InvalidRequest, TooManyRows
from services.api.http.body import read_json
from services.api.http.counted_prediction import predict_and_count
from services.api.http.dependencies import Served, Services, allow
from services.api.http.problems import documented
from services.api.prediction.batches import Batches

__all__ = ["router"]

router = APIRouter(tags=["predictions"])

Predictor = Annotated[Claims, Depends(allow(Scope.PREDICT))]


@router.post("/v1/predict", responses=documented(400, 401, 403, 413, 415, 422, 503), openapi_extra={"x-body": "rows"})
async def predict(
    request: Request,
    caller: Predictor,
    services: Served,
    explain: Annotated[bool, Query(description="Add the contribution of each feature, in log-odds (SHAP).")] = False,
) -> Response:
    """Predict every row: the label, the probability of the positive class, and the model that predicted it.

    Keep the `feedback_token` if you will know the true labels later, and send both to /v1/feedback.
    """
    try:
        matrix = services.reader.read_matrix(await read_json(request))
        if explain and len(matrix) > services.max_explain_rows:
            raise TooManyRows(f"rows: send at most {services.max_explain_rows} rows with explain=true")
    except InvalidRequest as error:
        _count(services, error)
        raise
    if explain or len(matrix) > services.inline_rows:
        batches: Batches = request.app.state.batches
        predicted = await batches.run(request, predict_and_count, services, matrix, explain=explain)
    else:
        predicted = predict_and_count(services, matrix, explain=False)
    body = services.answer.write(
        predicted,
        feedback_token=services.feedback_tokens.issue(caller.subject, predicted.probabilities),
        request_id=request.scope["request_id"],
    )
    headers = {"X-Model-Version": services.model.version, "Cache-Control": "no-store"}
    return Response(body, headers=headers, media_type="application/json")


def _count(services: Services, error: InvalidRequest) -> None:
    for reason in {problem.reason for problem in error.problems} or {error.reason}:
        services.metrics.count_rejection(reason)
