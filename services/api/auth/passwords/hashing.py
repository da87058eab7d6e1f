"""Passwords: rules for new ones, and their hashes (Argon2id, RFC 9106)."""

from __future__ import annotations

import re
import secrets
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from services.api.errors import WeakPassword
from services.api.settings import HASH_MEMORY_KIB, HASH_PASSES

__all__ = [
    "MAX_CHARACTERS",
    "MAX_TYPED_CHARACTERS",
    "MIN_CHARACTERS",
    "Passwords",
    "check_password",
    "random_password",
]

MIN_CHARACTERS = 12
"""OWASP ASVS 5.0 asks for 8 and recommends 15; 12 with an estimate of guesses excludes what is guessed in practice."""

MAX_CHARACTERS = 256
"""Long enough for every passphrase, short enough that hashing costs the same for all."""

MAX_TYPED_CHARACTERS = 4 * MAX_CHARACTERS
"""Length of ``MAX_CHARACTERS`` before normalisation, which turns up to four characters into one."""

HALF_CHARACTER = re.compile("[\ud800-\udfff]")
"""JSON can contain one, but no client could send it again in a login."""


class Passwords:
    """Hashes and verifies with the parameters of the settings."""

    def __init__(self, *, passes: int = HASH_PASSES, memory_kib: int = HASH_MEMORY_KIB) -> None:
        """Create a dummy hash for unknown users, so that both cases take the same time."""
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1, type=Type.ID)
        self._dummy = self._hasher.hash(secrets.token_urlsafe())

    def hash(self, password: str) -> str:
        """Return the encoded hash, with its salt and parameters."""
        return self._hasher.hash(_normalised(password))

    def verify(self, password: str, encoded: str | None) -> bool:
        """Return whether the password is right; without a hash, do the same work and return False."""
        try:
            # As bytes: a form can contain lone surrogates, which are a wrong password and not an error.
            encoded_password = _normalised(password).encode(errors="surrogatepass")
            right = self._hasher.verify(encoded or self._dummy, encoded_password)
        except (VerificationError, InvalidHashError):
            return False
        return right and encoded is not None

    def is_outdated(self, encoded: str) -> bool:
        """Return whether the hash was made with other parameters than the current ones."""
        return self._hasher.check_needs_rehash(encoded)


def check_password(password: str, *, user: str) -> None:
    """Refuse a password that is too short, too long, or easily guessed.

    Raises:
        WeakPassword: the text names the rule, never the password.
    """
    if HALF_CHARACTER.search(password):
        raise WeakPassword("the password contains half of a surrogate pair; use whole characters only")
    if not MIN_CHARACTERS <= len(_normalised(password)) <= MAX_CHARACTERS:
        raise WeakPassword(f"a password must have {MIN_CHARACTERS} to {MAX_CHARACTERS} characters")
    from services.api.auth.passwords.guessing import is_easily_guessed  # 8 MB of words, which only a new password needs

    if is_easily_guessed(_normalised(password), user=user):
        raise WeakPassword("this password is easily guessed; use a few unrelated words, or a random one")


def _normalised(password: str) -> str:
    # NFKC, so that keyboards that compose characters differently produce the same password (NIST SP 800-63B). Cut
    # first: anything longer than the longest password is wrong anyway, and must not take time.
    return unicodedata.normalize("NFKC", password[: MAX_TYPED_CHARACTERS + 1])


def random_password() -> str:
    """Return a password of 144 random bits."""
    return secrets.token_urlsafe(18)
