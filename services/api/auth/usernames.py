"""How users may be called."""

import re

__all__ = ["USER_NAME_PATTERN", "USER_NAME_RULE", "is_user_name"]

USER_NAME_PATTERN = r"[a-z0-9][a-z0-9._@-]{0,63}"
"""For the whole of a name."""

USER_NAME_RULE = "a user name has 1 to 64 of a-z, 0-9, '.', '_', '@' and '-', and begins with one of a-z0-9"

_NAME = re.compile(USER_NAME_PATTERN)


def is_user_name(text: str) -> bool:
    """Tell whether somebody may be called this."""
    return _NAME.fullmatch(text) is not None
