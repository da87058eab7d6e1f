"""Dependencies of the routes, by type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer
from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool

from services.api.auth.accounts import UserStore
from services.api.auth.logins.login import Login
from services.api.auth.logins.sessions import Sessions
from services.api.auth.lookups import Lookups
from services.api.auth.passwords.password_resets import PasswordResets
from services.api.auth.scopes import Scope
from services.api.auth.tokens.access_tokens import Claims, TokenIssuer, TokenVerifier
from services.api.auth.tokens.revocations import Revocations
from services.api.auth.tokens.verified_tokens import VerifiedTokens
from services.api.draining import Drain
from services.api.errors import InsufficientScope, InvalidToken
from services.api.http.columnar import Columnar
from services.api.http.rate_limit import RateLimit
from services.api.metrics.counters import ApiMetrics
from services.api.model.loaded import Model
from services.api.prediction.answer import JsonAnswer
from services.api.prediction.feedback import Feedback, FeedbackReader
from services.api.prediction.feedback_tokens import FeedbackTokens
from services.api.prediction.targets.target import ServedTarget
from services.api.prediction.validation import RowReader

__all__ = [
    "Administrator",
    "Caller",
    "Served",
    "Services",
    "allow",
    "allow_administrator",
    "allow_prediction",
    "client_address",
]

SCHEME = OAuth2PasswordBearer("/v1/auth/token", auto_error=False, scopes={str(scope): scope.name for scope in Scope})


@dataclass(frozen=True)
class Services:
    """Everything that routes use, created once by ``create_app``."""

    max_explain_rows: int
    inline_rows: int
    """Up to this many rows are predicted on the event loop: switching to a thread would cost more than the work."""

    model: Model
    target: ServedTarget
    """What its predictions are."""

    reader: RowReader
    answer: JsonAnswer
    columnar: Columnar
    feedback_reader: FeedbackReader
    feedback_tokens: FeedbackTokens
    feedback: Feedback
    engine: Engine
    users: UserStore
    login: Login
    sessions: Sessions
    password_resets: PasswordResets
    reset_lookups: Lookups
    issuer: TokenIssuer
    verifier: TokenVerifier
    revocations: Revocations
    tokens: VerifiedTokens
    metrics: ApiMetrics
    drain: Drain
    rate_limit: RateLimit | None
    """None: there is no quota."""


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Served = Annotated[Services, Depends(_services)]
Bearer = Annotated[str | None, Depends(SCHEME)]


def client_address(request: Request) -> str:
    """Return the address of the client; behind a trusted proxy, from X-Forwarded-For."""
    return request.client.host if request.client else "unknown"


async def _authenticate(request: Request, services: Served, token: Bearer) -> Claims:
    try:
        claims = services.tokens.check(token or "")
    except InvalidToken as error:
        services.metrics.count_auth_failure(error.code)
        raise
    request.scope["subject"] = claims.subject
    return claims


Caller = Annotated[Claims, Depends(_authenticate)]


def allow(scope: Scope) -> Callable[..., Awaitable[Claims]]:
    """Return a dependency that requires a token with ``scope`` and returns its claims."""

    async def check(claims: Caller, services: Served) -> Claims:
        _require(scope, claims, services)
        return claims

    return check


async def allow_prediction(request: Request, claims: Caller, services: Served) -> Claims:
    """Require a token to predict, and a row left in the quota of its user; its state is in every response from here."""
    _require(Scope.PREDICT, claims, services)
    if services.rate_limit is not None:
        request.scope["rate_limit"] = partial(services.rate_limit.headers, claims.subject)
        services.rate_limit.check(claims.subject)
    return claims


def _require(scope: Scope, claims: Claims, services: Services) -> None:
    if scope not in claims.scopes:
        services.metrics.count_auth_failure(InsufficientScope.code)
        raise InsufficientScope(f"this route requires a token with the scope {scope}")


async def allow_administrator(claims: Annotated[Claims, Depends(allow(Scope.USERS_ADMIN))], services: Served) -> Claims:
    """Require a caller who is an administrator in the database at this moment."""
    account = await run_in_threadpool(services.users.find, claims.subject)
    if account is None or not account.is_administrator or account.epoch != claims.epoch:
        services.metrics.count_auth_failure(InvalidToken.code)
        raise InvalidToken
    return claims


Administrator = Annotated[Claims, Depends(allow_administrator)]
