"""Which failures are repeated, how often, and after which wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
from tenacity import AsyncRetrying, RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_random_exponential

from espalier.client.answers import is_untrusted
from espalier.client.errors import ApiProblem

__all__ = ["Retries", "is_temporary"]

TEMPORARY = frozenset({429, 502, 503, 504})
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 10
"""The first wait is up to half a second, each further one up to twice as long: "full jitter", so that clients that
failed together do not return together. Source: Brooker, Exponential Backoff and Jitter, AWS Architecture Blog, 2015."""

HOPELESS = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.ProxyError, httpx.DecodingError)


@dataclass(frozen=True)
class Retries:
    """Bounds of repetition. ``Retries(attempts=1)`` repeats nothing."""

    attempts: int = 5
    seconds: float = 60.0
    """No attempt starts later than this after the first. A longer Retry-After is therefore reported at once."""

    def sync(self) -> Retrying:
        """Return the loop of a call."""
        return Retrying(**self._options())

    def asynchronous(self) -> AsyncRetrying:
        """Return the loop of an asynchronous call."""
        return AsyncRetrying(**self._options())

    def _options(self) -> dict[str, Any]:
        return {
            "retry": retry_if_exception(is_temporary),
            "wait": _wait,
            "stop": stop_after_attempt(self.attempts) | stop_before_delay(self.seconds),
            "reraise": True,
        }


def is_temporary(error: BaseException) -> bool:
    """Tell whether the same request may succeed later. All requests of the client may be sent twice.

    A prediction has no effect but its counters; of feedback, each row counts once.
    """
    if isinstance(error, ApiProblem):
        return error.status in TEMPORARY
    return isinstance(error, httpx.TransportError) and not isinstance(error, HOPELESS) and not is_untrusted(error)


_jitter = wait_random_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS)


def _wait(state: RetryCallState) -> float:
    """Return the seconds before the next attempt: what the API asks for, and then the jitter."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after_seconds if isinstance(error, ApiProblem) else None
    return (asked or 0.0) + _jitter(state)
