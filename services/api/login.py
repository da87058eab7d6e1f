"""Log in: throttle, look up, verify, and never say which of them failed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.concurrency import run_in_threadpool

from services.api.errors import Busy, InvalidCredentials
from services.api.passwords import MAX_CHARACTERS, Passwords
from services.api.throttle import LoginThrottle
from services.api.users import Account, UserStore

__all__ = ["Login"]

log = logging.getLogger("espalier.api.login")


class Login:
    """Checks names and passwords, a few at a time, off the event loop."""

    def __init__(self, users: UserStore, passwords: Passwords, throttle: LoginThrottle, *, concurrency: int) -> None:
        """Hold what is needed; ``concurrency`` bounds the memory that hashing takes."""
        self._users, self._passwords, self._throttle = users, passwords, throttle
        self._free = asyncio.Semaphore(concurrency)

    async def check(self, name: str, password: str, address: str) -> Account:
        """Return the account that the name and password belong to.

        Raises:
            InvalidCredentials: unknown, wrong or disabled; after the same work and with the same text.
            TooManyLogins: too soon after failed ones.
            Busy: too many are being checked.
        """
        async with self._turn():
            account = await run_in_threadpool(self._check, name, password, address)
        log.info("login", extra={"subject": account.name, "address": address})
        return account

    async def hash(self, password: str) -> str:
        """Hash a new password, under the same bound.

        Raises:
            Busy: too many are being checked.
        """
        async with self._turn():
            return await run_in_threadpool(self._passwords.hash, password)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._free.locked():
            raise Busy("too many passwords are being checked; come again in a second")
        async with self._free:
            yield

    def _check(self, name: str, password: str, address: str) -> Account:
        self._throttle.check(name, address)
        account = self._users.find(name)
        encoded = account.password_hash if account else None
        right = self._passwords.verify(password[: MAX_CHARACTERS + 1], encoded)
        if account is None or not right or account.disabled:
            self._throttle.failed(name, address)
            log.warning("login failed", extra={"address": address})
            raise InvalidCredentials("the user name or the password is wrong")
        self._throttle.succeeded(name)
        if self._passwords.is_outdated(account.password_hash):
            self._users.set_password_hash(account.name, self._passwords.hash(password))
        return account
