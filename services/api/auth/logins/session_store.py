"""Sessions in the database: one row each, with the hash of the refresh token that was issued last."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Engine, case, delete, select, update
from sqlalchemy.orm import Session

from services.api.auth.accounts import Account
from services.api.auth.audit_log import Actor, record
from services.api.database.engine import changes_rows, open_session
from services.api.database.tables import LoginSession

__all__ = ["Reason", "RefreshToken", "SessionEnded", "SessionStore", "StoredSession"]

PREFIX = "espalier_rt_"
"""So that scanners find a refresh token that was committed or logged by mistake."""

FORM = re.compile(rf"{PREFIX}(?P<id>[0-9a-f]{{32}})_(?P<secret>[A-Za-z0-9_-]{{43}})")


class Reason(StrEnum):
    """Why a refresh token is not accepted."""

    UNKNOWN = "unknown"
    """No session has it: it was never issued, or the session has ended."""

    EXPIRED = "expired"
    REUSED = "reused"
    """It is not the last one of its session: it was stolen, or its owner's request was repeated."""

    USER_CHANGED = "user_changed"
    """The user was disabled or deleted, or has another password or other scopes since the login."""


class SessionEnded(Exception):
    """A refresh token is not accepted."""

    def __init__(self, reason: Reason, subject: str = "") -> None:
        """Say why, and whose it was if that is known."""
        super().__init__(reason)
        self.reason, self.subject = reason, subject


@dataclass(frozen=True, repr=False)
class RefreshToken:
    """The session that it continues, and a secret. Both are random."""

    id: str
    secret: str

    @classmethod
    def read(cls, text: str) -> RefreshToken | None:
        """Return the token that a client sent; None if none has this form."""
        found = FORM.fullmatch(text)
        return cls(found["id"], found["secret"]) if found else None

    def __str__(self) -> str:
        """Return what the client keeps."""
        return f"{PREFIX}{self.id}_{self.secret}"

    @property
    def hash(self) -> str:
        """What the database keeps. The secret has 256 random bits, so a slow hash would protect nothing more."""
        return hashlib.sha256(self.secret.encode()).hexdigest()


@dataclass(frozen=True)
class StoredSession:
    """Whose session it is, and what its access tokens may do."""

    id: str
    subject: str
    scopes: frozenset[str]
    epoch: int


class SessionStore:
    """Sessions in an SQL database."""

    def __init__(
        self, engine: Engine, *, idle_seconds: float, max_seconds: float, now: Callable[[], float] = time.time
    ) -> None:
        """Use the tables of a migrated database.

        Args:
            engine: the database.
            idle_seconds: lifetime of a refresh token.
            max_seconds: lifetime of a session, however often it is continued.
            now: the clock.
        """
        self._engine, self._now = engine, now
        self.idle_seconds, self._max_seconds = min(idle_seconds, max_seconds), max_seconds

    def create(self, account: Account, scopes: Iterable[str]) -> RefreshToken:
        """Begin a session of a user who has just logged in, and remove the expired ones of all users."""
        token, now = RefreshToken(secrets.token_hex(16), secrets.token_urlsafe(32)), self._now()
        with open_session(self._engine) as session:
            session.execute(delete(LoginSession).where(LoginSession.idle_until <= now))
            session.add(
                LoginSession(
                    id=token.id,
                    subject=account.name,
                    scopes=" ".join(sorted(scopes)),
                    epoch=account.epoch,
                    token_hash=token.hash,
                    idle_until=now + self.idle_seconds,
                    expires=now + self._max_seconds,
                )
            )
        return token

    def replace(self, token: RefreshToken, *, address: str = "") -> tuple[StoredSession, RefreshToken]:
        """Exchange the last token of a session for a new one: of several callers at once, exactly one succeeds.

        Raises:
            SessionEnded: it is not the last one, or has expired. A token that was used before ends its session, because
                two parties have it.
        """
        now, new = self._now(), RefreshToken(token.id, secrets.token_urlsafe(32))
        found = self._find(token.id)
        if found is None:  # without a write: anybody can send an unknown one
            raise SessionEnded(Reason.UNKNOWN)
        if found.idle_until <= now:
            raise SessionEnded(Reason.EXPIRED, found.subject)
        limit = now + self.idle_seconds
        idle_until = case((LoginSession.expires < limit, LoginSession.expires), else_=limit)
        is_last = (LoginSession.id == token.id) & (LoginSession.token_hash == token.hash)
        with open_session(self._engine) as session:
            # The write comes first and checks the hash: whoever waits for it finds the hash of the one before.
            statement = update(LoginSession).where(is_last).values(token_hash=new.hash, idle_until=idle_until)
            is_replaced = changes_rows(session, statement)
            if not is_replaced and _delete(session, token.id):
                by = Actor(name=found.subject, address=address)
                record(session, by, "session ended", found.subject, {"reason": Reason.REUSED})
        if not is_replaced:  # outside the transaction, which an error would undo
            raise SessionEnded(Reason.REUSED, found.subject)
        return _to_session(found), new

    def find(self, token: RefreshToken) -> tuple[str, bool]:
        """Return the subject of the token's session, empty if there is none; and whether the token is its valid one."""
        found = self._find(token.id)
        if found is None:
            return "", False
        is_last = secrets.compare_digest(found.token_hash, token.hash)
        return found.subject, is_last and found.idle_until > self._now()

    def delete(self, identifier: str, *, by: Actor, reason: str) -> None:
        """End a session, if there is one."""
        with open_session(self._engine) as session:
            if _delete(session, identifier):
                record(session, by, "session ended", by.subject, {"reason": reason})

    def _find(self, identifier: str) -> LoginSession | None:
        with open_session(self._engine) as session:
            return session.scalar(select(LoginSession).where(LoginSession.id == identifier))


def _delete(session: Session, identifier: str) -> bool:
    return changes_rows(session, delete(LoginSession).where(LoginSession.id == identifier))


def _to_session(found: LoginSession) -> StoredSession:
    return StoredSession(found.id, found.subject, frozenset(found.scopes.split()), found.epoch)
