"""Predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response

from services.api.auth.access_tokens import Claims
from services.api.auth.scopes import Scope
from services.api.errors import InvalidRequest, TooManyRows
from services.api.http.body import read_json
from services.api.http.dependencies import Served, Services, allow
from services.api.http.problems import documented
from services.api.model.loaded import Model
from services.api.prediction.batches import Batches
from services.api.prediction.predict import INLINE_ROWS, Predicted, predict_rows

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
        body = await read_json(request)
        rows = services.reader.read(body)
        if explain and len(rows) > services.max_explain_rows:
            raise TooManyRows(f"rows: send at most {services.max_explain_rows} rows with explain=true")
    except InvalidRequest as error:
        _count(services, error)
        raise
    if explain or len(rows) > INLINE_ROWS:
        batches: Batches = request.app.state.batches
        predicted = await batches.run(request, _predict, services, rows, explain=explain)
    else:
        predicted = _predict(services, rows, explain=False)
    feedback_token = services.feedback_tokens.issue(caller.subject, predicted.probabilities)
    return _answer(services.model, predicted, feedback_token, request.scope["request_id"])


def _predict(services: Services, rows: Sequence[Mapping[str, Any]], *, explain: bool) -> Predicted:
    """Predict, and count values and predictions in the same thread, because counting many rows takes time too."""
    metrics = services.metrics
    with metrics.predict_seconds.time():
        predicted = predict_rows(services.model, rows, explain=explain)
    metrics.count_predictions(predicted.matrix, predicted.probabilities, int(predicted.positive.sum()))
    if predicted.contributions is not None:
        metrics.count_contributions(predicted.contributions)
    return predicted


def _answer(model: Model, predicted: Predicted, feedback_token: str, request_id: str) -> Response:
    """Build the response, with the model, data and code that it comes from."""
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


def _count(services: Services, error: InvalidRequest) -> None:
    for reason in {problem.reason for problem in error.problems} or {error.reason}:
        services.metrics.count_rejection(reason)
