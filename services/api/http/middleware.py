"""Middleware of every request: request id, host check, limits, metrics, and one log line."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from opentelemetry import trace
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.draining import Drain
from services.api.http.access_log import AccessLog, Answered
from services.api.http.allowed_hosts import AllowedHosts
from services.api.http.body import BodyLimit, limit_body
from services.api.http.problems import late_problem, problem_response, unexpected_problem
from services.api.http.request_id import request_id_of
from services.api.logs import REQUEST_ID
from services.api.metrics.http import UNROUTED, HttpMetrics
from services.api.metrics.shared import Gauge

__all__ = ["PROBES", "Limits", "Observers", "RequestMiddleware"]

PROBES = frozenset({"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"})
"""Sent every few seconds, by address: any host, no log line, no metrics."""

MAX_LENGTH_DIGITS = 20
"""A declared length with more digits is ignored; the bytes are counted anyway."""

log = logging.getLogger("espalier.api.access")


@dataclass(frozen=True)
class Limits:
    """Limits of one request."""

    body_bytes: int
    """Of requests without rows."""

    row_bytes: int
    body_seconds: float
    request_seconds: float


@dataclass(frozen=True)
class Observers:
    """What learns of every request except probes."""

    in_progress: Gauge
    http: HttpMetrics
    access_log: AccessLog

    def note(self, scope: Scope, status: int, seconds: float) -> None:
        """Count and log a completed or aborted request."""
        route: Any = getattr(scope.get("route"), "path", UNROUTED)
        self.http.count(route, scope["method"], status, seconds)
        span = trace.get_current_span().get_span_context()
        self.access_log.add(
            Answered(
                request_id=scope["request_id"],
                method=scope["method"],
                route=route,
                status=status,
                seconds=seconds,
                subject=scope.get("subject"),
                address=scope["client"][0] if scope.get("client") else None,
                trace_id=trace.format_trace_id(span.trace_id) if span.is_valid else None,
            )
        )


class RequestMiddleware:
    """Pure ASGI, because it runs for every request."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: AllowedHosts,
        limits: Limits,
        drain: Drain,
        observers: Observers,
        check_caller: Callable[[Scope], None],
    ) -> None:
        """Wrap an application."""
        self._app, self._check_caller = app, check_caller
        self._hosts, self._limits, self._drain, self._observers = hosts, limits, drain, observers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] in PROBES:
            await self._answer(scope, receive, send)
        else:
            self._observers.in_progress.inc()
            try:
                await self._answer(scope, receive, send)
            finally:
                self._observers.in_progress.dec()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        scope["request_id"] = request_id = request_id_of(headers.get("x-request-id", ""))
        REQUEST_ID.set(request_id)  # each request has its own context
        trace.get_current_span().set_attribute("espalier.request_id", request_id)
        started, status, started_to_answer = time.perf_counter(), 500, False

        async def send_with_id(message: Message) -> None:
            nonlocal status, started_to_answer
            if message["type"] == "http.response.start":
                status, started_to_answer = message["status"], True
                self._head(message, scope)
            await send(message)

        clock = asyncio.timeout(self._limits.request_seconds)
        try:
            refusal = self._refusal(scope, headers, request_id)
            async with clock:
                await (refusal or self._app)(scope, self._bounded(scope, receive, headers), send_with_id)
        except Exception:
            log.exception("request timed out" if clock.expired() else "unexpected error")
            if started_to_answer:
                raise  # too late for another response: the connection closes, so the client sees that it is incomplete
            problem = late_problem(request_id) if clock.expired() else unexpected_problem(request_id)
            await problem(scope, receive, send_with_id)
        finally:
            if scope["path"] not in PROBES:
                self._observers.note(scope, status, time.perf_counter() - started)

    def _head(self, message: Message, scope: Scope) -> None:
        headers = MutableHeaders(scope=message)
        headers["X-Request-ID"] = scope["request_id"]
        if "rate_limit" in scope:
            headers.update(scope["rate_limit"]())
        if self._drain.is_draining:  # an idle connection would be cut when the process stops
            headers["Connection"] = "close"

    def _refusal(self, scope: Scope, headers: Headers, request_id: str) -> ASGIApp | None:
        hosts = headers.getlist("host") or [""]
        # A proxy may have chosen by another one of several (RFC 9112, section 3.2).
        if scope["path"] in PROBES or (len(hosts) == 1 and self._hosts.allow(hosts[0])):
            return None
        return problem_response(
            request_id, 400, code="unknown_host", detail="this API does not serve this host name; see API_ALLOWED_HOSTS"
        )

    def _bounded(self, scope: Scope, receive: Receive, headers: Headers) -> Receive:
        length = headers.get("content-length", "")
        limits = self._limits
        scope["body_bound"] = bound = BodyLimit(limits.body_bytes, limits.row_bytes, limits.body_seconds)
        return limit_body(
            receive,
            bound,
            declared_bytes=int(length) if length.isdecimal() and len(length) < MAX_LENGTH_DIGITS else 0,
            check_caller=partial(self._check_caller, scope),
        )
