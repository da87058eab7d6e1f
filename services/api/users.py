"""Who may log in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.api.database import User, migrate, open_engine, open_session
from services.api.errors import InvalidRequest, UnknownUser, UserExists
from services.api.scopes import Scope

__all__ = ["Account", "SqlUserStore", "UserStore", "open_user_store"]

NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


@dataclass(frozen=True)
class Account:
    """One user, as the rest of the API sees them."""

    name: str
    password_hash: str
    scopes: frozenset[str]
    disabled: bool
    created: datetime


class UserStore(Protocol):
    """Where users are kept."""

    def find(self, name: str) -> Account | None:
        """Return the user of this name."""
        ...

    def create(self, name: str, password_hash: str, scopes: Iterable[str]) -> Account:
        """Add a user."""
        ...

    def list(self) -> list[Account]:
        """Return every user, by name."""
        ...

    def set_disabled(self, name: str, disabled: bool) -> Account:
        """Disable or enable a user."""
        ...

    def set_password_hash(self, name: str, password_hash: str) -> None:
        """Replace a user's hash."""
        ...


class SqlUserStore:
    """Users in an SQL database."""

    def __init__(self, engine: Engine) -> None:
        """Use tables that ``migrate`` has made."""
        self._engine = engine

    def close(self) -> None:
        """Give back the connections."""
        self._engine.dispose()

    def find(self, name: str) -> Account | None:
        """Return the user of this name."""
        if not NAME.fullmatch(name):  # whatever was typed, of any length, and of characters that no column takes
            return None
        with open_session(self._engine) as session:
            user = session.get(User, name)
            return _to_account(user) if user else None

    def create(self, name: str, password_hash: str, scopes: Iterable[str]) -> Account:
        """Add a user.

        Raises:
            InvalidRequest: the name or a scope is not allowed.
            UserExists: the name is taken.
        """
        wanted = _check_scopes(scopes)
        if not NAME.fullmatch(name):
            raise InvalidRequest(
                "a user name has 1 to 64 of a-z, 0-9, '.', '_', '@' and '-', and begins with one of a-z0-9"
            )
        user = User(
            name=name, password_hash=password_hash, scopes=" ".join(wanted), disabled=False, created=datetime.now(UTC)
        )
        try:
            with open_session(self._engine) as session:
                session.add(user)
        except IntegrityError as error:
            raise UserExists(f"there is a user {name} already") from error
        return _to_account(user)

    def list(self) -> list[Account]:
        """Return every user, by name."""
        with open_session(self._engine) as session:
            return [_to_account(user) for user in session.scalars(select(User).order_by(User.name))]

    def set_disabled(self, name: str, disabled: bool) -> Account:
        """Disable or enable a user.

        Raises:
            UnknownUser
        """
        with open_session(self._engine) as session:
            user = _get(session, name)
            user.disabled = disabled
        return _to_account(user)

    def set_password_hash(self, name: str, password_hash: str) -> None:
        """Replace a user's hash.

        Raises:
            UnknownUser
        """
        with open_session(self._engine) as session:
            _get(session, name).password_hash = password_hash


def open_user_store(database_url: str) -> SqlUserStore:
    """Return the users of a database, with its tables brought up to date; to be closed.

    Raises:
        StartupFailed: the database cannot be used.
    """
    migrate(database_url)
    return SqlUserStore(open_engine(database_url))


def _get(session: Session, name: str) -> User:
    user = session.get(User, name) if NAME.fullmatch(name) else None
    if user is None:
        raise UnknownUser(f"there is no user {name}")
    return user


def _check_scopes(scopes: Iterable[str]) -> list[str]:
    wanted = sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in set(Scope)]
    if unknown or not wanted:
        raise InvalidRequest(f"scopes are one or more of {', '.join(Scope)}")
    return wanted


def _to_account(user: User) -> Account:
    return Account(
        name=user.name,
        password_hash=user.password_hash,
        scopes=frozenset(user.scopes.split()),
        disabled=user.disabled,
        created=user.created,
    )
