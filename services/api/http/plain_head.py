"""Read the head of a prediction from its bytes, if it has nothing unusual: for requests that will be refused.

The parser calls back for every header, which costs more than the refusal itself. Whatever could mean another length, or
more than one response, is left to the parser, as is everything that this does not know.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from services.api.http.fast_path import PATH

__all__ = ["START", "PlainHead", "read_plain_head"]

START = b"POST %b HTTP/1.1\r\n" % PATH.encode()
"""How every such request begins."""

MAX_BYTES, MAX_FIELDS = 8192, 50
"""A longer head is left to the parser, which has its own limits."""

_OTHERS = (
    rb"(?:(?![CcTtEeUuXx](?i:onnection|ransfer-encoding|xpect|pgrade|ontent-length|-request-id):)"
    rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++:.*+\n|(?i:connection:[\t ]*+keep-alive)[\t ]*+\r\n)*+"
)
_LENGTH = rb"(?i:content-length):[\t ]*+([0-9]{1,9}+)[\t ]*+\r\n" + _OTHERS
_ID = rb"(?i:x-request-id):[\t ]*+([A-Za-z0-9._-]{1,64}+)[\t ]*+\r\n" + _OTHERS
_FIELDS = re.compile(_OTHERS + rb"(?:" + _LENGTH + rb"(?:" + _ID + rb")?|" + _ID + _LENGTH + rb")")
_CONTROLS = bytes([*range(9), *range(10, 32), 127])
"""Characters that are only allowed as the end of a line, as CR LF."""


class PlainHead(NamedTuple):
    """What a refusal needs to know."""

    length: bytes
    """Content-Length."""

    request_id: bytes
    """X-Request-ID; empty if there is none."""


def read_plain_head(data: bytes, end: int) -> PlainHead | None:
    """Return what is in the head ``data[:end]``, which ends with an empty line; None if the parser must read it."""
    if end > MAX_BYTES or not data.startswith(START):
        return None
    head = data[:end]
    lines = head.count(b"\r\n")
    if lines > MAX_FIELDS or len(head.translate(None, _CONTROLS)) + 2 * lines != end:
        return None
    found = _FIELDS.fullmatch(data, len(START), end - 2)
    if found is None:
        return None
    return PlainHead(found[1] or found[4], found[2] or found[3] or b"")
