"""Ground truth of predictions."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Request, Response

from services.api.auth.scopes import Scope
from services.api.auth.tokens.access_tokens import Claims
from services.api.http.body import read_json
from services.api.http.dependencies import Served, allow
from services.api.http.problems import documented
from services.api.prediction.batches import Batches, Cost

__all__ = ["router"]

router = APIRouter(tags=["predictions"])

Sender = Annotated[Claims, Depends(allow(Scope.FEEDBACK_WRITE))]


@router.post(
    "/v1/feedback",
    responses=documented(400, 401, 403, 408, 413, 415, 422, 429, 503),
    openapi_extra={"x-body": "feedback"},
)
async def give_feedback(request: Request, caller: Sender, services: Served) -> Response:
    """Send the true labels of predicted rows. Each row is counted once, for the version that predicted it.

    Send the `feedback_token` of a prediction with the true label of each of its rows, or null if it is not known yet.
    For a predicted number the true value takes the place of the label.
    Rows that were counted before are not counted again, so you can repeat a request, and send more labels as they
    become known. If one token of a request is not accepted, no row of the request is counted.
    """
    items = services.feedback_reader.read(await read_json(request))
    batches: Batches = request.app.state.feedback_batches
    taken = await batches.run(request, Cost("feedback", len(items)), services.feedback.take, caller.subject, items)
    body = {
        "counted": taken.counted,
        "already_counted": taken.already_counted,
        "request_id": request.scope["request_id"],
    }
    return Response(orjson.dumps(body), headers={"Cache-Control": "no-store"}, media_type="application/json")
