"""Whether a password is easily guessed, by zxcvbn's estimate. Import this only when needed: it loads lists of words.

Source: Wheeler, zxcvbn: low-budget password strength estimation, 2016.
"""

from __future__ import annotations

import math
from collections import Counter

from zxcvbn import zxcvbn
from zxcvbn.matching import L33T_TABLE

__all__ = ["is_easily_guessed"]

MIN_SCORE = 3
"""zxcvbn calls it safely unguessable: at least 10^8 guesses."""

CHECKED_CHARACTERS = 40
"""zxcvbn's time grows with the square of the length; of a longer password only the beginning is rated."""

MAX_LEET_READINGS = 24
"""zxcvbn tries every way to read digits and signs as letters, of which there can be hundreds."""

LEET_SIGNS = {sign for signs in L33T_TABLE.values() for sign in signs if not sign.isdigit()}


def is_easily_guessed(password: str, *, user: str) -> bool:
    """Return whether it takes fewer than 10^8 guesses, with the user's name among the first."""
    return bool(zxcvbn(_checked_part(password), user_inputs=[user])["score"] < MIN_SCORE)


def _checked_part(password: str) -> str:
    part = password[:CHECKED_CHARACTERS]
    readings = Counter(letter for letter, signs in L33T_TABLE.items() for sign in signs if sign in part)
    if math.prod(readings.values()) <= MAX_LEET_READINGS:
        return part
    return "".join("~" if character in LEET_SIGNS else character for character in part)
