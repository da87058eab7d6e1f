"""Codes that an administrator hands to a user who has forgotten the password: each sets a new one, once."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable

from sqlalchemy import ColumnElement, delete, select, update

from services.api.auth.audit_log import OPERATOR, Actor, record
from services.api.auth.usernames import is_user_name
from services.api.auth.users import SqlUserStore, revoke_tokens
from services.api.database.engine import changes_rows, insert_for
from services.api.database.tables import PasswordReset, TokenRevocation, User
from services.api.errors import InvalidRequest, InvalidResetCode, UnknownUser

__all__ = ["RESET_SECONDS", "PasswordResets"]

RESET_SECONDS = 3600
"""How long a code can be used."""

CODE_BYTES = 20


class PasswordResets:
    """Codes in the database of the users: one of each user at most, as a hash."""

    def __init__(self, users: SqlUserStore, now: Callable[[], float] = time.time) -> None:
        """Use the database of a store."""
        self._users, self._now = users, now

    def create(self, name: str, *, by: Actor = OPERATOR) -> str:
        """Return a code for a user; an earlier one becomes useless. The password stays valid until the code is used.

        Args:
            name: the user.
            by: the administrator who asks for it, or the operator of the database.

        Raises:
            UnknownUser
            InvalidRequest: the user is disabled, or is ``by``.
            InvalidToken: ``by`` is not an administrator any more.
        """
        if by.claims and by.subject == name:
            raise InvalidRequest("change your own password at /v1/users/me/password, or ask another administrator")
        code = secrets.token_urlsafe(CODE_BYTES)
        with self._users.administration(name, by) as session:
            user = session.get(User, name)
            if user is None:
                raise UnknownUser(f"user {name} does not exist")
            if user.disabled:
                raise InvalidRequest(f"user {name} is disabled; enable them first")
            values = {
                "code_hash": _hash(code),
                "epoch": session.scalar(select(TokenRevocation.epoch).where(TokenRevocation.subject == name)),
                "expires": self._now() + RESET_SECONDS,
            }
            statement = insert_for(session, PasswordReset).values(subject=name, **values)
            session.execute(statement.on_conflict_do_update(index_elements=["subject"], set_=values))
            record(session, by, "reset code issued", name)
        return code

    def check(self, name: str, code: str) -> None:
        """Return if the code is valid now, before anything is spent on a new password.

        Raises:
            InvalidResetCode
        """
        if not is_user_name(name):
            raise InvalidResetCode
        with self._users.session() as session:
            if session.scalar(select(PasswordReset.subject).where(*self._valid(name, code))) is None:
                raise InvalidResetCode

    def use(self, name: str, code: str, password_hash: str, *, address: str = "") -> None:
        """Set the new password, and end the user's sessions and tokens.

        Raises:
            InvalidResetCode: it is not valid, or another request has used it.
        """
        if not is_user_name(name):
            raise InvalidResetCode
        by = Actor(name=name, address=address)
        with self._users.administration(name, by) as session:
            if not changes_rows(session, delete(PasswordReset).where(*self._valid(name, code))):
                raise InvalidResetCode
            session.execute(update(User).where(User.name == name).values(password_hash=password_hash))
            revoke_tokens(session, name)
            record(session, by, "user changed", name, {"password": "reset"})

    def _valid(self, name: str, code: str) -> list[ColumnElement[bool]]:
        epoch = select(TokenRevocation.epoch).where(TokenRevocation.subject == name).scalar_subquery()
        return [
            PasswordReset.subject == name,
            PasswordReset.code_hash == _hash(code),
            PasswordReset.expires > self._now(),
            PasswordReset.epoch == epoch,
        ]


def _hash(code: str) -> str:
    """Return what the database keeps. The code has 160 random bits, so a slow hash would protect nothing more."""
    return hashlib.sha256(code.encode(errors="surrogatepass")).hexdigest()
