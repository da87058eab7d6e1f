"""Users, for administrators; every user can change their own password."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StrictBool, model_validator
from starlette.concurrency import run_in_threadpool

from services.api.auth.access_tokens import Claims
from services.api.auth.passwords import MAX_TYPED_CHARACTERS, MIN_CHARACTERS
from services.api.auth.scopes import Scope
from services.api.auth.usernames import USER_NAME_PATTERN
from services.api.auth.users import Account, UserChange
from services.api.errors import ApiError, InvalidCredentials, TooManyLogins
from services.api.http.dependencies import Caller, Served, allow_administrator, client_address
from services.api.http.problems import documented

__all__ = ["router"]

router = APIRouter(prefix="/v1/users", tags=["users"])
log = logging.getLogger("espalier.api.audit")

Administrator = Annotated[Claims, Depends(allow_administrator)]
NewPassword = Annotated[SecretStr, Field(min_length=MIN_CHARACTERS, max_length=MAX_TYPED_CHARACTERS)]
Scopes = Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]


class NewUser(BaseModel):
    """A user to create."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=f"^{USER_NAME_PATTERN}$")
    password: NewPassword
    scopes: Scopes


def _require_one(schema: dict[str, Any]) -> None:
    """Describe what the validator below checks."""
    schema["anyOf"] = [
        {"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in schema["properties"]
    ]


class UserPatch(BaseModel):
    """Fields to change: at least one."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_require_one)

    disabled: StrictBool | None = None
    scopes: Scopes | None = None
    password: NewPassword | None = None

    @model_validator(mode="after")
    def _check_not_empty(self) -> Self:
        if not self.changes:
            raise ValueError("send at least one of disabled, scopes and password")
        return self

    @property
    def changes(self) -> dict[str, object]:
        """The requested changes, without secrets."""
        fields = {"disabled": self.disabled, "scopes": self.scopes, "password": "new" if self.password else None}
        return {name: value for name, value in fields.items() if value is not None}


class PasswordChange(BaseModel):
    """A change of the caller's own password."""

    model_config = ConfigDict(extra="forbid")

    old_password: SecretStr = Field(max_length=MAX_TYPED_CHARACTERS)
    new_password: NewPassword


class UserView(BaseModel):
    """A user, without secrets."""

    name: str
    scopes: list[str]
    disabled: bool
    created: datetime


@router.post("", status_code=201, responses=documented(400, 401, 403, 408, 409, 413, 422, 503))
async def create_user(user: NewUser, caller: Administrator, request: Request, services: Served) -> UserView:
    """Create a user."""
    with _audited("user created", caller.subject, user.name, request, {"scopes": user.scopes}):
        encoded = await services.login.hash_new(user.password.get_secret_value(), user=user.name)
        account = await run_in_threadpool(services.users.create, user.name, encoded, user.scopes, by=caller)
    return _view(account)


@router.get("", responses=documented(401, 403, 503))
async def list_users(caller: Administrator, services: Served) -> list[UserView]:  # noqa: ARG001
    """List every user."""
    return [_view(account) for account in await run_in_threadpool(services.users.list)]


@router.patch("/{name}", responses=documented(400, 401, 403, 404, 408, 409, 413, 422, 503))
async def change_user(
    name: str, change: UserPatch, caller: Administrator, request: Request, services: Served
) -> UserView:
    """Disable or enable a user, or set new scopes or a new password. Tokens issued before are revoked: immediately for
    changes of users, within a minute everywhere else."""
    with _audited("user changed", caller.subject, name, request, change.changes):
        password = change.password.get_secret_value() if change.password else None
        encoded = await services.login.hash_new(password, user=name) if password else None
        requested = UserChange(disabled=change.disabled, scopes=change.scopes, password_hash=encoded)
        account = await run_in_threadpool(services.users.change, name, requested, by=caller)
    return _view(account)


@router.post("/me/password", status_code=204, responses=documented(400, 401, 408, 413, 422, 429, 503))
async def change_own_password(change: PasswordChange, caller: Caller, request: Request, services: Served) -> None:
    """Change your own password. The old one is required and throttled, as at a login. Your tokens are revoked."""
    name = caller.subject
    with _audited("user changed", name, name, request, {"password": "new"}):
        try:
            account = await services.login.check(name, change.old_password.get_secret_value(), client_address(request))
        except (InvalidCredentials, TooManyLogins) as error:
            services.metrics.count_auth_failure(error.code)
            raise
        encoded = await services.login.hash_new(change.new_password.get_secret_value(), user=name)
        await run_in_threadpool(services.users.change_own_password, account, encoded)


@contextmanager
def _audited(what: str, subject: str, target: str, request: Request, changes: dict[str, object]) -> Iterator[None]:
    line = {"subject": subject, "target": target[:64], "changes": changes, "address": client_address(request)}
    try:
        yield
    except ApiError as error:
        log.warning("user administration refused", extra={**line, "reason": error.code})
        raise
    log.info(what, extra=line)


def _view(account: Account) -> UserView:
    return UserView(
        name=account.name, scopes=sorted(account.scopes), disabled=account.disabled, created=account.created
    )
