"""The responses to requests and connections that are refused before the application."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.http.middleware import PROBES
from services.api.http.problems import ProblemResponse, problem_response
from services.api.process.connections import ConnectionLimits

__all__ = ["OF_ONE_CLIENT", "REFUSALS", "refusal", "refuse_but_probes"]

REFUSALS = {
    400: ("malformed_request", "this is not a valid HTTP/1.1 request"),
    408: ("head_too_slow", "the request line and headers must be complete within {limits.head_seconds:g} s"),
    431: (
        "head_too_large",
        "send at most {limits.head_bytes:,} bytes of request line and headers, and {limits.head_fields:,} headers",
    ),
    503: ("too_many_connections", "too many connections are open; retry in a second"),
}
"""Status → code and detail."""

OF_ONE_CLIENT = "too_many_connections_of_client"
"""Reason in the metrics if one client has too many connections, but the worker has not."""


def refusal(status: int, limits: ConnectionLimits | None) -> ProblemResponse:
    """Return the response with this status."""
    code, detail = REFUSALS[status]
    retry_after = 1 if status == 503 else None  # noqa: PLR2004
    return problem_response(
        uuid.uuid4().hex, status, code=code, detail=detail.format(limits=limits), retry_after_seconds=retry_after
    )


def refuse_but_probes(app: Any, count: Callable[[], None]) -> ASGIApp:
    """Return an application that answers probes and refuses everything else."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in PROBES:
            await app(scope, receive, send)
        else:
            count()
            await refusal(503, None)(scope, receive, send)

    return answer
