"""The fast path of POST /v1/predict: a valid request with few rows is answered in one call, without a task or a route.

It answers exactly what the route answers; a test compares the two. Everything else is left to the application: a token
that was not verified yet, a refusal, an exceeded quota, an error, many rows, an explanation, any other form of request.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from services.api.auth.scopes import Scope
from services.api.auth.tokens.verified_tokens import VerifiedToken
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

MAX_HEADS = 4096
"""The oldest one is dropped first."""

log = logging.getLogger("espalier.api.fast_path")


def short_length(header: bytes) -> int | None:
    """Return the Content-Length of a body that may be held in memory until it is complete; None for any other."""
    if not header.isdigit() or len(header) > MAX_LENGTH_DIGITS:
        return None
    length = int(header)
    return length if length <= MAX_BODY_BYTES else None


class KnownHead(NamedTuple):
    """What was read from the head of a request that can be answered here, as long as its token is valid."""

    token: VerifiedToken
    request_id: str
    """The client's own; empty if there is none."""

    forwarded: bytes | None
    """X-Forwarded-For."""

    body_bytes: int


class FastRequest(NamedTuple):
    """A request that is answered here once its body is complete, if that is valid."""

    head: KnownHead
    request_id: str
    address: str | None
    started: float

    @property
    def body_bytes(self) -> int:
        """Length of the body."""
        return self.head.body_bytes


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
        self._heads: OrderedDict[bytes, KnownHead] = OrderedDict()
        """By digest, because a head has a token in it. A dict takes time to find its oldest entry once many were
        deleted."""
        limit = services.rate_limit
        policy = "" if limit is None else f"ratelimit-policy: {limit.policy}\r\n"
        self._head = (
            f"content-type: application/json\r\nx-model-version: {services.model.version}\r\n"
            f"cache-control: no-store\r\n{policy}x-request-id: "
        ).encode()

    def begin(self, headers: Sequence[tuple[bytes, bytes]], peer: str | None) -> FastRequest | None:
        """Return the request if it can be answered here, from its headers, with names in lower case."""
        head = None if self._services.drain.is_draining else self._read(headers)
        return None if head is None else self.start(head, peer)

    def start(self, head: KnownHead, peer: str | None) -> FastRequest:
        """Return the request with a head that was just read or recalled."""
        address = None if peer is None else self._forwarded.of(peer, head.forwarded)
        return FastRequest(head, request_id_of(head.request_id), address, time.perf_counter())

    def remember(self, digest: bytes, request: FastRequest, body_bytes: int) -> None:
        """Remember the head of a request that was answered: most clients send the same one again and again.

        Args:
            digest: of the bytes of the head.
            body_bytes: how many bytes followed it. Others than those of the body may be a second request.
        """
        head = request.head
        if head.request_id or head.body_bytes != body_bytes:  # no other request will have this id
            return
        if len(self._heads) >= MAX_HEADS:
            self._heads.popitem(last=False)
        self._heads[digest] = head

    def recall(self, digest: bytes) -> KnownHead | None:
        """Return the remembered head with this digest, if a request with it can still be answered here."""
        known = self._heads.get(digest)
        if known is None or self._services.drain.is_draining or not self._services.tokens.is_valid(known.token):
            return None
        return known

    def _read(self, headers: Sequence[tuple[bytes, bytes]]) -> KnownHead | None:
        fields = dict(headers)
        if len(fields) != len(headers):
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
        token = self._services.tokens.find(authorization[len(BEARER) :]) if authorization.startswith(BEARER) else None
        if token is None or Scope.PREDICT not in token.claims.scopes or not self._hosts.allow(host):
            return None
        return KnownHead(token, get(b"x-request-id", b"").decode("latin1"), get(b"x-forwarded-for"), length)

    def finish(self, request: FastRequest, body: bytes) -> bytes | None:
        """Return the response from its first header on; None if the application must answer."""
        services, subject = self._services, request.head.token.claims.subject
        matrix, limit = services.reader.decode(body), services.rate_limit
        if matrix is None or len(matrix) > services.inline_rows:
            return None
        state = b"" if limit is None else limit.take(subject, len(matrix))
        if state is None:
            return None
        try:
            predicted = predict_and_count(services, matrix, explain=False, may_trace=False)
            token = services.feedback_tokens.issue(subject, predicted.outputs)
            content = services.answer.write(predicted, feedback_token=token, request_id=request.request_id)
        except Exception:  # the application meets it again, and answers
            log.exception("unexpected error")
            if limit is not None:
                limit.give_back(subject, len(matrix))
            return None
        seconds = time.perf_counter() - request.started
        self._answered.inc()
        self._seconds.observe(seconds)
        self._log.add(Answered(request.request_id, "POST", PATH, 200, seconds, subject, request.address))
        own_id = request.request_id.encode()
        return b"%b%b\r\n%bcontent-length: %d\r\n\r\n%b" % (
            self._head,
            own_id,
            state,
            len(content),
            content,
        )
