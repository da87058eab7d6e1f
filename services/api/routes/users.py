"""Users, for administrators."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StrictBool
from starlette.concurrency import run_in_threadpool

from services.api.dependencies import Served, allow
from services.api.errors import InvalidRequest
from services.api.http_errors import documented
from services.api.passwords import MAX_CHARACTERS, MIN_CHARACTERS, check_password
from services.api.scopes import Scope
from services.api.tokens import Claims
from services.api.users import Account

__all__ = ["router"]

router = APIRouter(prefix="/v1/users", tags=["users"])

Administrator = Annotated[Claims, Depends(allow(Scope.USERS_ADMIN))]


class NewUser(BaseModel):
    """Somebody to let in."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9._@-]*$")
    password: SecretStr = Field(min_length=MIN_CHARACTERS, max_length=MAX_CHARACTERS)
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope))


class UserChange(BaseModel):
    """What to change."""

    model_config = ConfigDict(extra="forbid")

    disabled: StrictBool


class UserView(BaseModel):
    """A user, without anything secret."""

    name: str
    scopes: list[str]
    disabled: bool
    created: datetime


@router.post("", status_code=201, responses=documented(400, 401, 403, 409, 413, 422, 503))
async def create_user(user: NewUser, caller: Administrator, services: Served) -> UserView:  # noqa: ARG001
    """Add a user."""
    password = user.password.get_secret_value()
    await run_in_threadpool(check_password, password, user=user.name)
    encoded = await services.login.hash(password)
    return _view(await run_in_threadpool(services.users.create, user.name, encoded, user.scopes))


@router.get("", responses=documented(401, 403))
async def list_users(caller: Administrator, services: Served) -> list[UserView]:  # noqa: ARG001
    """List every user."""
    return [_view(account) for account in await run_in_threadpool(services.users.list)]


@router.patch("/{name}", responses=documented(400, 401, 403, 404, 413, 422))
async def change_user(name: str, change: UserChange, caller: Administrator, services: Served) -> UserView:
    """Disable or enable a user. Tokens that were given out before end by themselves, within 15 minutes."""
    if name == caller.subject and change.disabled:
        raise InvalidRequest("you cannot disable yourself; ask another administrator")
    return _view(await run_in_threadpool(services.users.set_disabled, name, change.disabled))


def _view(account: Account) -> UserView:
    return UserView(
        name=account.name, scopes=sorted(account.scopes), disabled=account.disabled, created=account.created
    )
