"""The fast path of POST /v1/predict: a valid request with few rows is answered in one call, without a task or a route.

It answers exactly what the route answers; a test compares the two. Everything else is left to the application: a token
that was not verified yet, a refusal, an exceeded quota, an error, many rows, an explanation, any other form of request.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import NamedTuple

from services.api.auth.access_tokens import Claims
from services.api.auth.scopes import Scope
from services.api.http.access_log import AccessLog, Answered
from services.api.http.allowed_hosts import AllowedHosts
from services.api.http.counted_prediction import predict_and_count
from services.api.http.dependencies import Services
from services.api.http.forwarded import ForwardedAddress
from services.api.http.request_id import request_id_of
from services.api.metrics.http import HttpMetrics

__all__ = ["MAX_BODY_BYTES", "PATH", "FastPath", "FastRequest", "short_length"]

PATH = "/v1/predict"
BEARER = b"Bearer "

MAX_BODY_BYTES = 1024 * 1024
"""Longer bodies are left to the application, which limits how many there are."""

MAX_LENGTH_DIGITS = 7

log = logging.getLogger("espalier.api.fast_path")


def short_length(header: bytes) -> int | None:
    """Return the Content-Length of a body that may be held in memory until it is complete; None for any other."""
    if not header.isdigit() or len(header) > MAX_LENGTH_DIGITS:
        return None
    length = int(header)
    return length if length <= MAX_BODY_BYTES else None


class FastRequest(NamedTuple):
    """The head of a request that is answered here once its body is complete, if that is valid."""

    claims: Claims
    request_id: str
    address: str | None
    started: float
    body_bytes: int


class FastPath:
    """Answers prediction requests of one worker."""

    def __init__(
        self, services: Services, hosts: AllowedHosts, http: HttpMetrics, access_log: AccessLog, trusted_proxies: str
    ) -> None:
        """Look up what is the same for all requests."""
        self._services, self._hosts, self._log = services, hosts, access_log
        self._forwarded = ForwardedAddress(trusted_proxies)
        counters, self._seconds = http.of(PATH, "POST")
        self._answered = counters[2]
        limit = services.rate_limit
        policy = "" if limit is None else f"ratelimit-policy: {limit.policy}\r\n"
        self._head = (
            f"content-type: application/json\r\nx-model-version: {services.model.version}\r\n"
            f"cache-control: no-store\r\n{policy}x-request-id: "
        ).encode()

    def begin(self, headers: Sequence[tuple[bytes, bytes]], peer: str | None) -> FastRequest | None:
        """Return the request if it can be answered here, from its headers, with names in lower case."""
        started = time.perf_counter()
        fields = dict(headers)
        if len(fields) != len(headers) or self._services.drain.is_draining:
            return None
        get = fields.get
        length = short_length(get(b"content-length", b""))
        if (
            get(b"content-type") != b"application/json"
            or b"content-encoding" in fields
            or b"arrow" in get(b"accept", b"")
            or length is None
        ):
            return None
        authorization, host = get(b"authorization", b""), get(b"host", b"").decode("latin1")
        claims = self._services.tokens.find(authorization[len(BEARER) :]) if authorization.startswith(BEARER) else None
        if claims is None or Scope.PREDICT not in claims.scopes or not self._hosts.allow(host):
            return None
        address = None if peer is None else self._forwarded.of(peer, get(b"x-forwarded-for"))
        return FastRequest(claims, request_id_of(get(b"x-request-id", b"").decode("latin1")), address, started, length)

    def finish(self, request: FastRequest, body: bytes) -> bytes | None:
        """Return the response from its first header on; None if the application must answer."""
        services = self._services
        matrix, limit = services.reader.decode(body), services.rate_limit
        if matrix is None or len(matrix) > services.inline_rows:
            return None
        state = b"" if limit is None else limit.take(request.claims.subject, len(matrix))
        if state is None:
            return None
        try:
            predicted = predict_and_count(services, matrix, explain=False)
            token = services.feedback_tokens.issue(request.claims.subject, predicted.outputs)
            content = services.answer.write(predicted, feedback_token=token, request_id=request.request_id)
        except Exception:  # the application meets it again, and answers
            log.exception("unexpected error")
            if limit is not None:
                limit.give_back(request.claims.subject, len(matrix))
            return None
        seconds = time.perf_counter() - request.started
        self._answered.inc()
        self._seconds.observe(seconds)
        self._log.add(Answered(request.request_id, "POST", PATH, 200, seconds, request.claims.subject, request.address))
        own_id = request.request_id.encode()
        return b"%b%b\r\n%bcontent-length: %d\r\n\r\n%b" % (
            self._head,
            own_id,
            state,
            len(content),
            content,
        )
