"""Log in: throttle, look up, verify, and never say which of them failed."""

from __future__ import annotations

import asyncio
import logging

from starlette.concurrency import run_in_threadpool

from services.api.auth.hashing_slots import HashSlots
from services.api.auth.login_throttle import Admission, LoginThrottle
from services.api.auth.passwords import Passwords, check_password
from services.api.auth.users import Account, UserStore
from services.api.errors import InvalidCredentials, TooManyLogins

__all__ = ["Login"]

MAX_LOOKUPS = 4
"""Logins that ask the throttle at a time, so that a flood leaves connections and threads to others."""

MAX_LOGGED_CHARACTERS = 64

log = logging.getLogger("espalier.api.login")


class Login:
    """Checks names and passwords, a few at a time, off the event loop."""

    def __init__(self, users: UserStore, passwords: Passwords, throttle: LoginThrottle, *, concurrency: int) -> None:
        """Hold what is needed; ``concurrency`` bounds the memory that hashing takes."""
        self._users, self._passwords, self._throttle = users, passwords, throttle
        self._slots = HashSlots(concurrency)
        self._lookups = asyncio.Semaphore(MAX_LOOKUPS)

    async def check(self, name: str, password: str, address: str) -> Account:
        """Return the account that the name and password belong to.

        Raises:
            InvalidCredentials: unknown, wrong or disabled; after the same work and with the same text.
            TooManyLogins: too soon after failed ones.
            Busy: too many are being checked.
        """
        tried = {"subject": name[:MAX_LOGGED_CHARACTERS], "address": address}
        try:
            async with self._lookups:
                admission = await run_in_threadpool(self._throttle.admit, name, address)
            # Only now: a try that is refused anyway takes no slot from others.
            async with self._slots.take(is_known=admission.is_known):
                account = await run_in_threadpool(self._check, admission, password)
        except (InvalidCredentials, TooManyLogins) as error:
            log.warning("login failed", extra={**tried, "reason": error.code})
            raise
        log.info("login", extra=tried)
        return account

    async def hash_new(self, password: str, *, user: str) -> str:
        """Check and hash a password that somebody is to have from now on, under the same bound.

        Raises:
            WeakPassword: it breaks a rule.
            Busy: too many are being checked.
        """
        async with self._slots.take(is_known=True):
            return await run_in_threadpool(self._hash_new, password, user)

    def _hash_new(self, password: str, user: str) -> str:
        check_password(password, user=user)
        return self._passwords.hash(password)

    def _check(self, admission: Admission, password: str) -> Account:
        account = self._users.find(admission.name)
        encoded = account.password_hash if account else None
        right = self._passwords.verify(password, encoded)
        if account is None or not right or account.disabled:
            self._throttle.failed(admission)
            raise InvalidCredentials("the user name or the password is wrong")
        self._throttle.succeeded(admission)
        if self._passwords.is_outdated(account.password_hash):
            self._users.replace_hash(account.name, account.password_hash, self._passwords.hash(password))
        return account
