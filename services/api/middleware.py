"""Around every request: its id, its host, its size, and one line in the log."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.http_errors import problem_response, unexpected_problem

__all__ = ["RequestFrame"]

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
PROBES = frozenset({"/healthz", "/readyz"})
"""Asked for by address, not by name, and every few seconds: any host, no log line."""

log = logging.getLogger("espalier.api.access")


class RequestFrame:
    """Pure ASGI, since it runs for every request."""

    def __init__(self, app: ASGIApp, *, allowed_hosts: tuple[str, ...], max_body_bytes: int) -> None:
        """Wrap an app."""
        self._app = app
        self._hosts = frozenset(host.lower() for host in allowed_hosts)
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope["request_id"] = request_id
        started, status, started_to_answer = time.perf_counter(), 500, False

        async def send_with_id(message: Message) -> None:
            nonlocal status, started_to_answer
            if message["type"] == "http.response.start":
                status, started_to_answer = message["status"], True
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            refusal = self._refusal(scope, headers, request_id)
            await (refusal or self._app)(scope, self._bounded(receive), send_with_id)
        except Exception:
            log.exception("unexpected failure", extra={"request_id": request_id})
            if started_to_answer:
                raise  # too late for another answer: the connection ends, so that half a one is not taken for whole
            await unexpected_problem(request_id)(scope, receive, send_with_id)
        finally:
            _log(scope, status, time.perf_counter() - started)

    def _refusal(self, scope: Scope, headers: Headers, request_id: str) -> ASGIApp | None:
        host = headers.get("host", "").lower()
        name = host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
        if scope["path"] not in PROBES and "*" not in self._hosts and name not in self._hosts:
            detail = "this host name is not served here"
            return problem_response(request_id, 400, code="unknown_host", detail=detail)
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > self._max_body_bytes:
            return problem_response(request_id, 413, code="body_too_large", detail=self._too_large())
        return None

    def _bounded(self, receive: Receive) -> Receive:
        taken = 0

        async def receive_bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._max_body_bytes:
                raise HTTPException(413, self._too_large())
            return message

        return receive_bounded

    def _too_large(self) -> str:
        return f"a request has at most {self._max_body_bytes:,} bytes"


def _log(scope: Scope, status: int, seconds: float) -> None:
    if scope["path"] in PROBES:
        return
    route: Any = scope.get("route")
    log.info(
        "request",
        extra={
            "request_id": scope["request_id"],
            "method": scope["method"],
            "route": getattr(route, "path", "none"),
            "status": status,
            "milliseconds": round(seconds * 1000, 2),
            "subject": scope.get("subject"),
            "address": scope["client"][0] if scope.get("client") else None,
        },
    )
