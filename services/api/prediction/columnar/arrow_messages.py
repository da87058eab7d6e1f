"""Split an Arrow IPC stream into its messages, and write messages.

Source: https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format and its Message.fbs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from services.api.prediction.columnar.flatbuffers import INT16, INT64, UINT8, Malformed, Number, Table, Written, write

__all__ = ["DICTIONARY", "END", "RECORDS", "SCHEMA", "Message", "split", "write_message"]

SCHEMA, DICTIONARY, RECORDS = 1, 2, 3

PREFIX = struct.Struct("<Ii")
CONTINUATION = 0xFFFFFFFF
END = PREFIX.pack(CONTINUATION, 0)
FILE_BEGIN = b"ARROW1"

V4, V5 = 3, 4
"""Versions of the metadata, which are the same for these types. Arrow 0.15 (2019) and later write them."""

VERSION, KIND, HEADER, BODY_BYTES = range(4)
"""Slots of a message."""

MAX_MESSAGES = 2_000
"""Maximum messages of one stream: each costs as much time as hundreds of rows."""


@dataclass(frozen=True)
class Message:
    """A schema, a dictionary or records."""

    kind: int
    header: Table
    body: memoryview
    metadata: memoryview
    """The bytes that the header is in."""


def split(stream: memoryview) -> Iterator[Message]:
    """Return the messages of a stream.

    Raises:
        Malformed
    """
    if stream[: len(FILE_BEGIN)] == FILE_BEGIN:
        raise Malformed("it is a file of the format Feather")
    place = 0
    for _ in range(MAX_MESSAGES):
        length = _read_length(stream, place)
        if not length:
            if place + PREFIX.size < len(stream):
                raise Malformed("bytes follow its end")
            return
        start = place + PREFIX.size
        metadata = stream[start : start + length]
        message = _read_message(metadata, stream[start + length :])
        yield message
        place = start + length + len(message.body)
    raise Malformed(f"it has more than {MAX_MESSAGES:,} messages; write fewer and larger record batches")


def _read_length(stream: memoryview, place: int) -> int:
    """Return the length of the metadata that follows; 0 at the end."""
    left = len(stream) - place
    if not left:  # the mark of the end may be missing
        return 0
    if left < PREFIX.size:
        raise Malformed("it ends within a message")
    mark, length = PREFIX.unpack_from(stream, place)
    if mark != CONTINUATION:
        raise Malformed("a message does not begin as messages do")
    if not 0 <= length <= left - PREFIX.size:
        raise Malformed("it ends within a message")
    return int(length)


def _read_message(metadata: memoryview, rest: memoryview) -> Message:
    message = Table.root(metadata)
    if message.number(VERSION, INT16) not in (V4, V5):
        raise Malformed("the version of its metadata is not V4 or V5")
    size, header = message.number(BODY_BYTES, INT64), message.table(HEADER)
    if header is None or not 0 <= size <= len(rest):
        raise Malformed("it ends within a message, or a message is empty")
    return Message(message.number(KIND, UINT8), header, rest[:size], metadata)


def write_message(kind: int, header: Written, body: bytes = b"") -> bytes:
    """Return a message, whose body has a multiple of eight bytes."""
    metadata = write(
        {VERSION: Number(INT16, V5), KIND: Number(UINT8, kind), HEADER: header, BODY_BYTES: Number(INT64, len(body))}
    )
    return b"".join((PREFIX.pack(CONTINUATION, len(metadata)), metadata, body))
