"""Authenticate the caller before the body is read."""

from __future__ import annotations

from fastapi.security.utils import get_authorization_scheme_param
from starlette.datastructures import Headers
from starlette.types import Scope

from services.api.auth.tokens.verified_tokens import VerifiedTokens
from services.api.errors import InvalidToken
from services.api.metrics.counters import ApiMetrics

__all__ = ["CallerCheck"]

OPEN = "/v1/auth/"
"""Routes where callers authenticate in the body, which is small."""


class CallerCheck:
    """Refuses bodies of callers without a valid token; the route checks the scope.

    FastAPI parses a body that is an argument of a route before it runs the dependencies.
    """

    def __init__(self, tokens: VerifiedTokens, metrics: ApiMetrics) -> None:
        """Store what checks tokens, and the metrics."""
        self._tokens, self._metrics = tokens, metrics

    def __call__(self, scope: Scope) -> None:
        """Return if the caller is authenticated.

        Raises:
            InvalidToken
        """
        if "subject" in scope or scope["path"].startswith(OPEN):
            return
        kind, token = get_authorization_scheme_param(Headers(scope=scope).get("authorization"))
        try:
            self._tokens.check(token if kind.lower() == "bearer" else "")
        except InvalidToken as error:
            self._metrics.count_auth_failure(error.code)
            raise
