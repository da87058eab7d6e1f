"""Sessions: a login continued by refresh tokens, each of which can be used once (docs/adr/0038, RFC 9700 4.14.2)."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from services.api.auth.accounts import Account, UserStore
from services.api.auth.audit_log import Actor
from services.api.auth.logins.session_store import Reason, RefreshToken, SessionEnded, SessionStore
from services.api.auth.lookups import Lookups
from services.api.errors import InvalidRefreshToken

__all__ = ["Renewal", "Sessions"]

log = logging.getLogger("espalier.api.sessions")


@dataclass(frozen=True)
class Renewal:
    """What a refresh token was exchanged for."""

    account: Account
    scopes: frozenset[str]
    token: RefreshToken


class Sessions:
    """Begins, continues and ends sessions, in threads, a few at a time."""

    def __init__(self, store: SessionStore, users: UserStore) -> None:
        """Store the dependencies."""
        self._store, self._users = store, users
        self._lookups = Lookups()

    @property
    def idle_seconds(self) -> int:
        """Lifetime of a refresh token."""
        return int(self._store.idle_seconds)

    async def begin(self, account: Account, scopes: Iterable[str]) -> RefreshToken:
        """Begin a session of a user who has just logged in; return its first token."""
        return await run_in_threadpool(self._store.create, account, scopes)

    async def renew(self, text: str, address: str) -> Renewal:
        """Exchange a refresh token for a new one.

        Raises:
            InvalidRefreshToken: it is not the last one of a session, or its user has changed since the login.
        """
        try:
            return await self._lookups.run(self._renew, text, address)
        except SessionEnded as ended:
            line = {"subject": ended.subject, "reason": ended.reason, "address": address}
            log.warning("refresh refused", extra=line)
            raise InvalidRefreshToken from ended

    async def end(self, text: str, address: str, *, everywhere: bool) -> str:
        """End the session of a refresh token; return its user, empty if there was no session.

        With ``everywhere``, all other sessions and the access tokens of the user end too, if the token is still valid.
        """
        subject, is_everywhere = await self._lookups.run(self._end, text, address, everywhere)
        if subject:
            log.info("session ended", extra={"subject": subject, "address": address, "everywhere": is_everywhere})
        return subject

    def _renew(self, text: str, address: str) -> Renewal:
        token = RefreshToken.read(text)
        if token is None:
            raise SessionEnded(Reason.UNKNOWN)
        found, new = self._store.replace(token, address=address)
        account = self._users.find(found.subject)
        if account is None or account.disabled or account.epoch != found.epoch:
            self._store.delete(found.id, by=Actor(name=found.subject, address=address), reason=Reason.USER_CHANGED)
            raise SessionEnded(Reason.USER_CHANGED, found.subject)
        return Renewal(account, found.scopes & account.scopes, new)

    def _end(self, text: str, address: str, everywhere: bool) -> tuple[str, bool]:
        token = RefreshToken.read(text)
        if token is None:
            return "", False
        subject, is_valid = self._store.find(token)
        by = Actor(name=subject, address=address)
        if subject:
            self._store.delete(token.id, by=by, reason="logout")
        if subject and everywhere and is_valid:
            self._users.revoke(subject, by=by)
        return subject, everywhere and is_valid
