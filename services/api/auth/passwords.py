"""Passwords: which are good enough, and how they are kept (Argon2id, RFC 9106)."""

from __future__ import annotations

import math
import re
import secrets
import unicodedata
from collections import Counter

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type
from zxcvbn import zxcvbn
from zxcvbn.matching import L33T_TABLE

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
"""OWASP ASVS 5.0 asks for 8 and recommends 15; 12 with a guess estimate keeps out what is guessed in practice."""

MAX_CHARACTERS = 256
"""Long enough for any passphrase, short enough that hashing costs the same for all."""

MIN_SCORE = 3
"""zxcvbn's own word for it: safely unguessable, from 10^8 guesses."""

MAX_TYPED_CHARACTERS = 4 * MAX_CHARACTERS
"""As many as ``MAX_CHARACTERS`` can be before normalisation: up to four characters become one."""

CHECKED_CHARACTERS = 40
"""zxcvbn's time grows with the square of the length; a longer password is judged by its beginning."""

MAX_LEET_READINGS = 24
"""zxcvbn tries every way to read digits and signs as letters, and there can be hundreds."""

LEET_SIGNS = {sign for signs in L33T_TABLE.values() for sign in signs if not sign.isdigit()}

HALF_CHARACTER = re.compile("[\ud800-\udfff]")
"""JSON can say one, but no client could ever send it again in a login."""


class Passwords:
    """Hashes and verifies with the parameters of the settings."""

    def __init__(self, *, passes: int = HASH_PASSES, memory_kib: int = HASH_MEMORY_KIB) -> None:
        """Prepare a hash to compare with where there is no user, so that both ways cost the same."""
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1, type=Type.ID)
        self._dummy = self._hasher.hash(secrets.token_urlsafe())

    def hash(self, password: str) -> str:
        """Return the encoded hash, with its salt and parameters."""
        return self._hasher.hash(_normalised(password))

    def verify(self, password: str, encoded: str | None) -> bool:
        """Tell whether the password is right; with no hash, do the same work and say no."""
        try:
            # As bytes: a form in some charsets may bring half characters, which are wrong, but no failure of ours.
            given = _normalised(password).encode(errors="surrogatepass")
            right = self._hasher.verify(encoded or self._dummy, given)
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
    if HALF_CHARACTER.search(password):
        raise WeakPassword("a password is made of whole characters, and this one has half of a surrogate pair")
    if not MIN_CHARACTERS <= len(_normalised(password)) <= MAX_CHARACTERS:
        raise WeakPassword(f"a password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters")
    if zxcvbn(_checked_part(password), user_inputs=[user])["score"] < MIN_SCORE:
        raise WeakPassword("this password is easily guessed; use a few unrelated words, or a random one")


def _normalised(password: str) -> str:
    # NFKC, so that keyboards which compose characters differently give the same password (NIST SP 800-63B). Cut first:
    # what is longer than any password can be is wrong anyway, and must not take time.
    return unicodedata.normalize("NFKC", password[: MAX_TYPED_CHARACTERS + 1])


def _checked_part(password: str) -> str:
    part = _normalised(password)[:CHECKED_CHARACTERS]
    readings = Counter(letter for letter, signs in L33T_TABLE.items() for sign in signs if sign in part)
    if math.prod(readings.values()) <= MAX_LEET_READINGS:
        return part
    return "".join("~" if character in LEET_SIGNS else character for character in part)


def random_password() -> str:
    """Return a password of 144 random bits."""
    return secrets.token_urlsafe(18)
