"""Valid user names."""

import re

__all__ = ["USER_NAME_PATTERN", "USER_NAME_RULE", "is_user_name"]

USER_NAME_PATTERN = r"[a-z0-9][a-z0-9._@-]{0,63}"
"""Matches a whole name."""

USER_NAME_RULE = (
    "a user name has 1 to 64 characters of a-z, 0-9, '.', '_', '@' and '-', and starts with a letter or a digit"
)

_NAME = re.compile(USER_NAME_PATTERN)


def is_user_name(text: str) -> bool:
    """Return whether this is a valid user name."""
    return _NAME.fullmatch(text) is not None
