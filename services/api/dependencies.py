"""What routes ask for, by type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import OAuth2PasswordBearer

from services.api.draining import Drain
from services.api.errors import InsufficientScope, InvalidToken
from services.api.feedback import Feedback, FeedbackReader
from services.api.feedback_tokens import FeedbackTokens
from services.api.login import Login
from services.api.metrics import ApiMetrics
from services.api.model import Model
from services.api.rows import RowReader
from services.api.scopes import Scope
from services.api.settings import Settings
from services.api.tokens import Claims, TokenIssuer, TokenVerifier
from services.api.users import UserStore

__all__ = ["Served", "Services", "allow"]

SCHEME = OAuth2PasswordBearer("/v1/auth/token", auto_error=False, scopes={str(scope): scope.name for scope in Scope})


@dataclass(frozen=True)
class Services:
    """Everything that routes use, made once by ``create_app``."""

    settings: Settings
    model: Model
    reader: RowReader
    feedback_reader: FeedbackReader
    feedback_tokens: FeedbackTokens
    feedback: Feedback
    users: UserStore
    login: Login
    issuer: TokenIssuer
    verifier: TokenVerifier
    metrics: ApiMetrics
    drain: Drain


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Served = Annotated[Services, Depends(_services)]


def allow(scope: Scope) -> Callable[..., Awaitable[Claims]]:
    """Return the dependency that lets through only tokens with ``scope``, and gives their claims."""

    async def check(request: Request, services: Served, token: Annotated[str | None, Depends(SCHEME)]) -> Claims:
        try:
            claims = services.verifier.verify(token or "")
            request.scope["subject"] = claims.subject
            if scope not in claims.scopes:
                raise InsufficientScope(f"this needs a token with the scope {scope}")
        except (InvalidToken, InsufficientScope) as error:
            services.metrics.count_auth_failure(error.code)
            raise
        return claims

    return check
