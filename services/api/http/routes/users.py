"""Users, for administrators."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator
from starlette.concurrency import run_in_threadpool

from services.api.auth.accounts import Account, UserChange
from services.api.auth.scopes import Scope
from services.api.auth.usernames import USER_NAME_PATTERN
from services.api.http.audit import actor, audited
from services.api.http.dependencies import Administrator, Served
from services.api.http.passwords import NewPassword
from services.api.http.problems import documented

__all__ = ["router"]

router = APIRouter(prefix="/v1/users", tags=["users"])

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


class UserView(BaseModel):
    """A user, without secrets."""

    name: str
    scopes: list[str]
    disabled: bool
    created: datetime


@router.post("", status_code=201, responses=documented(400, 401, 403, 408, 409, 413, 422, 503))
async def create_user(user: NewUser, caller: Administrator, request: Request, services: Served) -> UserView:
    """Create a user."""
    with audited("user created", caller.subject, user.name, request, {"scopes": user.scopes}):
        encoded = await services.login.hash_new(user.password.get_secret_value(), user=user.name)
        account = await run_in_threadpool(
            services.users.create, user.name, encoded, user.scopes, by=actor(caller, request)
        )
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
    with audited("user changed", caller.subject, name, request, change.changes):
        password = change.password.get_secret_value() if change.password else None
        encoded = await services.login.hash_new(password, user=name) if password else None
        requested = UserChange(disabled=change.disabled, scopes=change.scopes, password_hash=encoded)
        account = await run_in_threadpool(services.users.change, name, requested, by=actor(caller, request))
    return _view(account)


def _view(account: Account) -> UserView:
    return UserView(
        name=account.name, scopes=sorted(account.scopes), disabled=account.disabled, created=account.created
    )
