"""Access tokens and the sessions that renew them, and the keys that verify them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.security import OAuth2PasswordRequestForm
from pydantic import BaseModel, Field, SecretStr

from services.api.auth.accounts import Account
from services.api.auth.logins.session_store import RefreshToken
from services.api.errors import InvalidCredentials, InvalidRefreshToken, TooManyLogins
from services.api.http.dependencies import Served, Services, client_address
from services.api.http.problems import documented

__all__ = ["router"]

router = APIRouter(tags=["tokens"])

MAX_CHARACTERS = 200
"""Of a refresh token, which has 88."""


class RefreshForm(BaseModel):
    """A refresh token to exchange."""

    grant_type: Literal["refresh_token"] = "refresh_token"
    refresh_token: SecretStr = Field(min_length=1, max_length=MAX_CHARACTERS)
    scope: str = Field("", max_length=MAX_CHARACTERS)
    """Fewer scopes than those of the login, separated by spaces, for this access token. Empty: all of them."""


class LogoutForm(BaseModel):
    """A refresh token whose session is to end."""

    refresh_token: SecretStr = Field(min_length=1, max_length=MAX_CHARACTERS)
    everywhere: Literal["true", "false"] = "false"
    """End every session of the user, and not this one alone."""


class Token(BaseModel):
    """An access token (RFC 6749, section 5.1), and the refresh token that the next one is had with."""

    access_token: str
    token_type: str = "bearer"  # noqa: S105 (its kind, not a secret)
    expires_in: int
    """Seconds."""

    scope: str
    refresh_token: str
    refresh_expires_in: int
    """Seconds, if it is not used before."""


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
    request.scope["subject"] = account.name
    scopes = account.scopes & frozenset(form.scopes) if form.scopes else account.scopes
    return _token(services, response, account, scopes, await services.sessions.begin(account, scopes))


@router.post("/v1/auth/refresh", responses=documented(400, 401, 408, 413, 422, 503))
async def refresh_token(
    form: Annotated[RefreshForm, Form()], request: Request, response: Response, services: Served
) -> Token:
    """Exchange a refresh token for an access token and the next refresh token (RFC 6749, section 6).

    Each refresh token can be used once. If one is used again, its session ends, because two parties have it: log in
    again. A session also ends when its user is disabled or deleted, or gets another password or other scopes.
    """
    try:
        renewal = await services.sessions.renew(form.refresh_token.get_secret_value(), client_address(request))
    except InvalidRefreshToken as error:
        services.metrics.count_auth_failure(error.code)
        raise
    request.scope["subject"] = renewal.account.name
    scopes = renewal.scopes & frozenset(form.scope.split()) if form.scope else renewal.scopes
    return _token(services, response, renewal.account, scopes, renewal.token)


@router.post("/v1/auth/logout", status_code=204, responses=documented(400, 408, 413, 422, 503))
async def log_out(form: Annotated[LogoutForm, Form()], request: Request, services: Served) -> None:
    """End the session of a refresh token; also of one that was used before, and without an error if there is none.

    Its last access token is accepted until it expires. With ``everywhere``, all sessions of the user end, and within a
    minute all access tokens.
    """
    subject = await services.sessions.end(
        form.refresh_token.get_secret_value(), client_address(request), everywhere=form.everywhere == "true"
    )
    if subject:
        request.scope["subject"] = subject


def _token(
    services: Services, response: Response, account: Account, scopes: frozenset[str], refresh_token: RefreshToken
) -> Token:
    response.headers["Cache-Control"] = "no-store"
    return Token(
        access_token=services.issuer.issue(account.name, scopes, epoch=account.epoch),
        expires_in=services.issuer.seconds,
        scope=" ".join(sorted(scopes)),
        refresh_token=str(refresh_token),
        refresh_expires_in=services.sessions.idle_seconds,
    )


@router.get("/.well-known/jwks.json")
async def read_keys(response: Response, services: Served) -> dict[str, Any]:
    """Return the public keys that verify access tokens (RFC 7517)."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return services.verifier.key_set
