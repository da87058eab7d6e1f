"""Passwords: everybody changes their own, and administrators hand out codes to those who have forgotten theirs."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from starlette.concurrency import run_in_threadpool

from services.api.auth.audit_log import Actor
from services.api.auth.passwords.hashing import MAX_TYPED_CHARACTERS
from services.api.auth.passwords.password_resets import RESET_SECONDS
from services.api.errors import InvalidCredentials, InvalidResetCode, TooManyLogins
from services.api.http.audit import actor, audited
from services.api.http.dependencies import Administrator, Caller, Served, client_address
from services.api.http.passwords import NewPassword
from services.api.http.problems import documented

__all__ = ["router"]

router = APIRouter(tags=["users"])

MAX_CODE_CHARACTERS = 100
MAX_NAME_CHARACTERS = 200


class PasswordChange(BaseModel):
    """A change of the caller's own password."""

    model_config = ConfigDict(extra="forbid")

    old_password: SecretStr = Field(max_length=MAX_TYPED_CHARACTERS)
    new_password: NewPassword


class ResetCode(BaseModel):
    """A code with which a user sets a new password, once."""

    code: str
    expires_in: int
    """Seconds."""


class PasswordReset(BaseModel):
    """A new password for a user who has a code."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=MAX_NAME_CHARACTERS)
    code: SecretStr = Field(max_length=MAX_CODE_CHARACTERS)
    new_password: NewPassword


@router.post("/v1/users/me/password", status_code=204, responses=documented(400, 401, 408, 413, 422, 429, 503))
async def change_own_password(change: PasswordChange, caller: Caller, request: Request, services: Served) -> None:
    """Change your own password. The old one is required and throttled, as at a login. Your tokens are revoked."""
    name = caller.subject
    with audited("user changed", name, name, request, {"password": "new"}):
        try:
            account = await services.login.check(name, change.old_password.get_secret_value(), client_address(request))
        except (InvalidCredentials, TooManyLogins) as error:
            services.metrics.count_auth_failure(error.code)
            raise
        encoded = await services.login.hash_new(change.new_password.get_secret_value(), user=name)
        await run_in_threadpool(
            services.users.change_own_password, account, encoded, by=Actor(name=name, address=client_address(request))
        )


@router.post(
    "/v1/users/{name}/reset-code", status_code=201, responses=documented(400, 401, 403, 404, 408, 413, 422, 503)
)
async def create_reset_code(
    name: str, caller: Administrator, request: Request, response: Response, services: Served
) -> ResetCode:
    """Issue a code with which the user sets a new password within an hour, at `/v1/auth/password`.

    Hand it over in a way that shows who takes it. An earlier code of the user becomes useless; the password stays valid
    until the code is used.
    """
    with audited("reset code issued", caller.subject, name, request, {}):
        code = await run_in_threadpool(services.password_resets.create, name, by=actor(caller, request))
    response.headers["Cache-Control"] = "no-store"
    return ResetCode(code=code, expires_in=RESET_SECONDS)


@router.post("/v1/auth/password", status_code=204, responses=documented(400, 401, 408, 413, 422, 503))
async def reset_password(reset: PasswordReset, request: Request, services: Served) -> None:
    """Set a new password with a code from an administrator. The code is used up, and sessions and tokens end."""
    name, code = reset.name, reset.code.get_secret_value()
    with audited("user changed", name, name, request, {"password": "reset"}):
        try:
            await services.reset_lookups.run(services.password_resets.check, name, code)
            encoded = await services.login.hash_new(reset.new_password.get_secret_value(), user=name)
            await run_in_threadpool(services.password_resets.use, name, code, encoded, address=client_address(request))
        except InvalidResetCode as error:
            services.metrics.count_auth_failure(error.code)
            raise
    request.scope["subject"] = name
