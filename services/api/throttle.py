"""Slow down guessing, per account and per address, over all workers and replicas.

After a few free tries each failure doubles the wait. Nobody is locked out for good: the wait is bounded and ends by
itself, so that guessing at somebody's account cannot keep them out for long (OWASP ASVS 5.0, 6.1.1).
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine, delete, update
from sqlalchemy.exc import IntegrityError

from services.api.database import LoginFailures, open_session
from services.api.errors import TooManyLogins

__all__ = ["LoginThrottle"]


@dataclass(frozen=True)
class _Rule:
    free_tries: int
    max_wait_seconds: float

    def wait(self, failures: int) -> float:
        over = failures - self.free_tries
        return 0.0 if over < 0 else min(2.0 ** min(over, 30), self.max_wait_seconds)


ACCOUNT = _Rule(free_tries=5, max_wait_seconds=60)
ADDRESS = _Rule(free_tries=20, max_wait_seconds=900)
FORGET_SECONDS = 3600
"""A failure this long ago no longer counts."""


class LoginThrottle:
    """Counts failed logins in the database."""

    def __init__(self, engine: Engine, now: Callable[[], float] = time.time) -> None:
        """Use tables that ``migrate`` has made."""
        self._engine, self._now = engine, now

    def check(self, account: str, address: str) -> None:
        """Refuse a login that comes too soon after failed ones.

        Raises:
            TooManyLogins: says how long to wait.
        """
        waits = []
        with open_session(self._engine) as session:
            for key, rule in _keys(account, address):
                entry = session.get(LoginFailures, key)
                if entry is not None and self._now() - entry.last < FORGET_SECONDS:
                    waits.append(entry.last + rule.wait(entry.failures) - self._now())
        wait = math.ceil(max(waits, default=0))
        if wait > 0:
            raise TooManyLogins(f"too many failed logins; come again in {wait} s", wait)

    def failed(self, account: str, address: str) -> None:
        """Count a failure."""
        for key, _rule in _keys(account, address):
            if not self._add_one(key):
                try:
                    with open_session(self._engine) as session:
                        session.add(LoginFailures(key=key, failures=1, last=self._now()))
                except IntegrityError:  # another worker was first
                    self._add_one(key)

    def succeeded(self, account: str) -> None:
        """Forget the account's failures; those of the address stay."""
        with open_session(self._engine) as session:
            session.execute(delete(LoginFailures).where(LoginFailures.key == _account_key(account)))
            session.execute(delete(LoginFailures).where(LoginFailures.last < self._now() - FORGET_SECONDS))

    def _add_one(self, key: str) -> bool:
        # One statement, so that two failures at once are two.
        statement = (
            update(LoginFailures)
            .where(LoginFailures.key == key)
            .values(failures=LoginFailures.failures + 1, last=self._now())
        )
        with open_session(self._engine) as session:
            return bool(session.connection().execute(statement).rowcount)


def _keys(account: str, address: str) -> tuple[tuple[str, _Rule], ...]:
    return (_account_key(account), ACCOUNT), (f"address:{address}"[:160], ADDRESS)


def _account_key(account: str) -> str:
    # Hashed: it is what somebody typed, of any length, and sometimes a password in the wrong field.
    return "account:" + hashlib.sha256(account.encode()).hexdigest()
