"""Passwords: which are good enough, and how they are kept (Argon2id, RFC 9106)."""

from __future__ import annotations

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type
from zxcvbn import zxcvbn

from services.api.errors import WeakPassword
from services.api.settings import Settings

__all__ = ["MAX_CHARACTERS", "MIN_CHARACTERS", "Passwords", "check_password", "random_password"]

MIN_CHARACTERS = 12
"""OWASP ASVS 5.0 asks for 8 and recommends 15; 12 with a guess estimate keeps out what is guessed in practice."""

MAX_CHARACTERS = 256
"""Long enough for any passphrase, short enough that hashing costs the same for all."""

MIN_SCORE = 3
"""zxcvbn's own word for it: safely unguessable, from 10^8 guesses."""

CHECKED_CHARACTERS = 72
"""zxcvbn's time grows with the square of the length; a password this long is judged by its beginning."""


class Passwords:
    """Hashes and verifies with the parameters of the settings."""

    def __init__(self, *, passes: int, memory_kib: int) -> None:
        """Prepare a hash to compare with where there is no user, so that both ways cost the same."""
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1, type=Type.ID)
        self._dummy = self._hasher.hash(secrets.token_urlsafe())

    @classmethod
    def with_defaults(cls) -> Passwords:
        """Take the settings' defaults, where there is no API whose settings could be asked.

        Where the API's differ, it hashes anew at the next login.
        """
        fields = Settings.model_fields
        return cls(passes=fields["hash_passes"].default, memory_kib=fields["hash_memory_kib"].default)

    @classmethod
    def from_settings(cls, settings: Settings) -> Passwords:
        """Take the parameters of the settings."""
        return cls(passes=settings.hash_passes, memory_kib=settings.hash_memory_kib)

    def hash(self, password: str) -> str:
        """Return the encoded hash, with its salt and parameters."""
        return self._hasher.hash(password)

    def verify(self, password: str, encoded: str | None) -> bool:
        """Tell whether the password is right; with no hash, do the same work and say no."""
        try:
            right = self._hasher.verify(encoded or self._dummy, password)
        except (VerificationError, InvalidHashError):
            return False
        return right and encoded is not None

    def is_outdated(self, encoded: str) -> bool:
        """Tell whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(encoded)


def check_password(password: str, *, user: str) -> None:
    """Refuse a password that is too short, too long, or easily guessed.

    Raises:
        WeakPassword: says the rule, never the password.
    """
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        raise WeakPassword(f"a password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters")
    if zxcvbn(password[:CHECKED_CHARACTERS], user_inputs=[user])["score"] < MIN_SCORE:
        raise WeakPassword("this password is easily guessed; use a few unrelated words, or a random one")


def random_password() -> str:
    """Return a password of 144 random bits."""
    return secrets.token_urlsafe(18)
