"""What became of rows that were predicted."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from services.api.bodies import read_json
from services.api.dependencies import Served, allow
from services.api.http_errors import documented
from services.api.outcomes import score_outcomes
from services.api.prediction import INLINE_ROWS, write_answer
from services.api.scopes import Scope
from services.api.tokens import Claims

__all__ = ["router"]

router = APIRouter(tags=["predictions"])

Predictor = Annotated[Claims, Depends(allow(Scope.PREDICT))]


@router.post("/v1/outcomes", responses=documented(400, 401, 403, 413, 415, 422), openapi_extra={"x-body": "outcomes"})
async def report_outcomes(
    request: Request,
    caller: Predictor,  # noqa: ARG001
    services: Served,
) -> Response:
    """Tell how rows turned out: the model scores them again, and counts how well. Nothing of them is kept.

    Send each row once, when its truth is known: one that is sent twice counts twice. These rows are no predictions, and
    do not count for drift.
    """
    outcomes = services.outcome_reader.read(await read_json(request))
    if len(outcomes) > INLINE_ROWS:
        scored = await run_in_threadpool(score_outcomes, services.model, outcomes)
    else:
        scored = score_outcomes(services.model, outcomes)
    services.metrics.outcomes.count(scored)
    return write_answer(services.model, {"counted": len(outcomes)}, request.scope["request_id"])
