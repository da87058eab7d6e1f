"""The response to a prediction that would wait too long in an overloaded worker: it must cost a small part of one.

Nothing is checked, because that would cost as much as it saves: not the token, not the body. Refused requests are
counted, but not logged one by one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from services.api.draining import Drain
from services.api.http.fast_path import PATH, short_length
from services.api.http.problems import problem_response
from services.api.http.request_id import request_id_of
from services.api.http.routes.inference import MODEL, VERSION
from services.api.metrics.http import HttpMetrics
from services.api.metrics.shared import Counter, Histogram

__all__ = ["Overload", "Refusal"]

PREDICT, INFERENCE = PATH.encode(), b"/v2/models/"
INFER, INFER_VERSION = f"{MODEL}/infer", f"{VERSION}/infer"
ROUTES = (PATH, INFER, INFER_VERSION)

SHORT_BODY_BYTES = 4096
"""The refusal of a body that is no longer costs about half of an answer, so it saves little."""

SHORT_BODY_FACTOR = 2
"""Requests with a short body may wait this many times as long as others."""

LOG_SECONDS = 10.0
"""Between two log lines."""

PLACEHOLDER = "REQUEST-ID"
"""Stands for the request's id in the prepared responses."""

log = logging.getLogger("espalier.api.overload")


class Refusal(NamedTuple):
    """A response from its headers on."""

    content: bytes
    on_sent: Callable[[], None]
    """To be called when it is sent."""

    body_bytes: int
    """Length of the request's body."""


class _Prepared(NamedTuple):
    """The parts of a response that are the same for all requests of a route, and where it is counted."""

    head: bytes
    """The headers, up to the value of the request's id."""

    body: list[bytes]
    """Cut where the request's id belongs."""

    requests: Counter
    seconds: Histogram


class Overload:
    """Refuses predictions of one worker that have waited too long."""

    def __init__(self, http: HttpMetrics, refused: Counter, drain: Drain, *, max_seconds: float) -> None:
        """Prepare the responses; ``max_seconds`` is how long a prediction may have waited, unless its body is short."""
        self.max_seconds, self._refused, self._drain = max_seconds, refused, drain
        self._routes = {route: _prepare(route, http) for route in ROUTES}
        self._logged, self._unlogged = 0.0, 0

    @staticmethod
    def concerns(url: bytes) -> bool:
        """Return whether a POST request to this path and query is a prediction."""
        return url.startswith((PREDICT, INFERENCE))

    def refuse(self, url: bytes, headers: Sequence[tuple[bytes, bytes]], *, waited: float) -> Refusal | None:
        """Return the refusal of a POST request that has waited so many seconds; None if it is not refused.

        The headers have names in lower case.
        """
        sent_id, length = b"", b""
        for name, value in headers:
            if name == b"content-length":
                length = value
            elif name == b"x-request-id":
                sent_id = value
        route, body_bytes = _route(url), short_length(length)
        if route is None or body_bytes is None or self._drain.is_draining or not self._is_late(waited, body_bytes):
            return None
        prepared = self._routes[route]
        own_id = request_id_of(sent_id.decode("latin1")).encode()
        body = own_id.join(prepared.body)
        content = b"%b%b\r\ncontent-length: %d\r\n\r\n%b" % (prepared.head, own_id, len(body), body)
        return Refusal(content, partial(self._count, prepared, time.perf_counter()), body_bytes)

    def _is_late(self, waited: float, body_bytes: int) -> bool:
        return waited > self.max_seconds * (SHORT_BODY_FACTOR if body_bytes <= SHORT_BODY_BYTES else 1)

    def _count(self, prepared: _Prepared, started: float) -> None:
        """Count a refusal that is sent; log how many there were, but not each."""
        now = time.perf_counter()
        prepared.requests.inc()
        prepared.seconds.observe(now - started)
        self._refused.inc()
        self._unlogged += 1
        if now - self._logged > LOG_SECONDS:
            log.warning("predictions refused: overloaded", extra={"requests": self._unlogged})
            self._logged, self._unlogged = now, 0


def _route(url: bytes) -> str | None:
    path = url.partition(b"?")[0]
    if path == PREDICT:
        return PATH
    if path.startswith(INFERENCE) and path.endswith(b"/infer"):
        return INFER_VERSION if b"/versions/" in path else INFER
    return None


def _prepare(route: str, http: HttpMetrics) -> _Prepared:
    response = problem_response(
        PLACEHOLDER, 503, code="overloaded", detail="the API is overloaded; retry in a second", retry_after_seconds=1
    )
    response.write_for(route)
    counters, seconds = http.of(route, "POST")
    head = [b"%b: %b\r\n" % (name.lower(), value) for name, value in response.raw_headers if name != b"content-length"]
    return _Prepared(
        b"".join(head) + b"x-request-id: ", bytes(response.body).split(PLACEHOLDER.encode()), counters[5], seconds
    )
