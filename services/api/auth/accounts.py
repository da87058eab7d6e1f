"""A user as the rest of the API sees them, what can be changed, and what a store of users does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.api.auth.audit_log import OPERATOR, Actor
from services.api.auth.scopes import Scope

__all__ = ["Account", "UserChange", "UserStore"]


@dataclass(frozen=True)
class Account:
    """One user, as the rest of the API sees them."""

    name: str
    password_hash: str
    scopes: frozenset[str]
    disabled: bool
    created: datetime
    epoch: int
    """Number of revocations of this user's tokens. Tokens of a lower epoch are refused."""

    @property
    def is_administrator(self) -> bool:
        """Whether this user may change users now."""
        return not self.disabled and Scope.USERS_ADMIN in self.scopes


@dataclass(frozen=True)
class UserChange:
    """Changes of a user. None: unchanged."""

    disabled: bool | None = None
    scopes: Iterable[str] | None = None
    password_hash: str | None = None


class UserStore(Protocol):
    """Storage of users. ``by`` is who makes the request."""

    def find(self, name: str) -> Account | None:
        """Return the user with this name."""
        ...

    def list(self) -> list[Account]:
        """Return every user, by name."""
        ...

    def create(self, name: str, password_hash: str, scopes: Iterable[str], *, by: Actor = OPERATOR) -> Account:
        """Create a user."""
        ...

    def change(self, name: str, change: UserChange, *, by: Actor = OPERATOR) -> Account:
        """Change a user. If anything changes, tokens issued before are revoked."""
        ...

    def change_own_password(self, account: Account, password_hash: str, *, by: Actor) -> None:
        """Replace the password of a user who has proved the old one. Tokens issued before are revoked."""
        ...

    def replace_hash(self, name: str, old: str, new: str) -> bool:
        """Replace the hash of the same password, unless the password has changed."""
        ...

    def revoke(self, name: str, *, by: Actor) -> None:
        """Revoke the tokens and sessions of a user that have begun before."""
        ...
