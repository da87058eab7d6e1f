"""The id of a request: the client's, if it is plain text, else a new one."""

from __future__ import annotations

import os
import re

__all__ = ["request_id_of"]

PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}")


def request_id_of(sent: str) -> str:
    """Return the id to answer with; ``sent`` is the client's X-Request-ID, or empty."""
    return sent if sent and PLAIN.fullmatch(sent) else os.urandom(16).hex()
