"""Access tokens, and the keys that verify them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.security import OAuth2PasswordRequestForm
from pydantic import BaseModel

from services.api.errors import InvalidCredentials, TooManyLogins
from services.api.http.dependencies import Served, client_address
from services.api.http.problems import documented

__all__ = ["router"]

router = APIRouter(tags=["tokens"])


class Token(BaseModel):
    """An access token (RFC 6749, section 5.1)."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105 (its kind, not a secret)
    expires_in: int
    """Seconds."""

    scope: str


@router.post("/v1/auth/token", responses=documented(400, 401, 408, 413, 422, 429, 503))
async def create_token(
    form: Annotated[OAuth2PasswordRequestForm, Depends()], request: Request, response: Response, services: Served
) -> Token:
    """Exchange a user name and password for an access token. ``scope`` may request fewer scopes than the user has."""
    try:
        account = await services.login.check(form.username, form.password, client_address(request))
    except (InvalidCredentials, TooManyLogins) as error:
        services.metrics.count_auth_failure(error.code)
        raise
    scopes = account.scopes & frozenset(form.scopes) if form.scopes else account.scopes
    request.scope["subject"] = account.name
    response.headers["Cache-Control"] = "no-store"
    return Token(
        access_token=services.issuer.issue(account.name, scopes, epoch=account.epoch),
        expires_in=services.issuer.seconds,
        scope=" ".join(sorted(scopes)),
    )


@router.get("/.well-known/jwks.json")
async def read_keys(response: Response, services: Served) -> dict[str, Any]:
    """Return the public keys that verify access tokens (RFC 7517)."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return services.verifier.key_set
