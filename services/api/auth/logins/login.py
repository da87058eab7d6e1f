"""Log in: throttle, look up the user, verify the password, and never tell the client which check failed."""

from __future__ import annotations

import logging

from services.api.auth.accounts import Account, UserStore
from services.api.auth.logins.login_throttle import Admission, LoginThrottle
from services.api.auth.lookups import Lookups
from services.api.auth.passwords.hashing import Passwords, check_password
from services.api.auth.passwords.hashing_slots import HashSlots
from services.api.errors import InvalidCredentials, TooManyLogins

__all__ = ["Login"]

MAX_LOGGED_CHARACTERS = 64

log = logging.getLogger("espalier.api.login")


class Login:
    """Checks user names and passwords in threads, a few at a time."""

    def __init__(self, users: UserStore, passwords: Passwords, throttle: LoginThrottle, *, concurrency: int) -> None:
        """Store the dependencies; ``concurrency`` limits the memory for hashing."""
        self._users, self._passwords, self._throttle = users, passwords, throttle
        self._slots = HashSlots(concurrency)
        self._lookups = Lookups()

    async def check(self, name: str, password: str, address: str) -> Account:
        """Return the account with this name and password.

        Raises:
            InvalidCredentials: unknown, wrong or disabled, after the same work and with the same text.
            TooManyLogins: too soon after failed logins.
            Busy: too many passwords are being checked.
        """
        attempt = {"subject": name[:MAX_LOGGED_CHARACTERS], "address": address}
        try:
            admission = await self._lookups.run(self._throttle.admit, name, address)
            # Only now: a login that the throttle refuses takes no slot.
            account = await self._slots.run(self._check, admission, password, is_known=admission.is_known)
        except (InvalidCredentials, TooManyLogins) as error:
            log.warning("login failed", extra={**attempt, "reason": error.code})
            raise
        log.info("login", extra=attempt)
        return account

    async def hash_new(self, password: str, *, user: str) -> str:
        """Check and hash a new password, with the same limit.

        Raises:
            WeakPassword: it violates a rule.
            Busy: too many passwords are being checked.
        """
        return await self._slots.run(self._hash_new, password, user, is_known=True)

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
