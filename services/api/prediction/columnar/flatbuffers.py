"""Read and write FlatBuffers, the encoding of Arrow's messages.

Reading trusts nothing: every access is checked against the bounds of the buffer, and lengths against a limit of the
caller. Source: the FlatBuffers internals, https://flatbuffers.dev/internals.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["BOOL", "INT16", "INT32", "INT64", "UINT8", "Malformed", "Number", "Structs", "Table", "Written", "write"]

Buffer = bytes | bytearray | memoryview

BOOL, UINT8 = struct.Struct("<?"), struct.Struct("<B")
INT16, INT32, INT64 = struct.Struct("<h"), struct.Struct("<i"), struct.Struct("<q")
UINT16, UINT32 = struct.Struct("<H"), struct.Struct("<I")
ALIGNMENT = 8


class Malformed(ValueError):
    """The bytes are not what they should be; the text says what is wrong."""


def _read(kind: struct.Struct, data: Buffer, place: int) -> Any:
    if not 0 <= place <= len(data) - kind.size:  # a negative place would count from the end
        raise Malformed("a part of its metadata lies outside")
    return kind.unpack_from(data, place)[0]


class Table:
    """A table at a place of a buffer. Its members are numbered by slots; a member that is absent has a default."""

    __slots__ = ("_data", "_place", "_slots", "_vtable")

    def __init__(self, data: Buffer, place: int) -> None:
        """Find the table of its members."""
        self._data, self._place = data, place
        self._vtable = place - _read(INT32, data, place)
        self._slots = (_read(UINT16, data, self._vtable) - 4) // 2

    @classmethod
    def root(cls, data: Buffer) -> Table:
        """Return the outermost table of a buffer."""
        return cls(data, _read(UINT32, data, 0))

    def number(self, slot: int, kind: struct.Struct, default: Any = 0) -> Any:
        """Return a number or a truth value."""
        place = self._find(slot)
        return default if place is None else _read(kind, self._data, place)

    def table(self, slot: int) -> Table | None:
        """Return a table."""
        place = self._follow(slot)
        return None if place is None else Table(self._data, place)

    def text(self, slot: int, *, max_bytes: int) -> str:
        """Return a text, of which what is beyond ``max_bytes`` is cut off."""
        start, length = self._vector(slot, 1)
        return bytes(self._data[start : start + min(length, max_bytes)]).decode(errors="replace")

    def tables(self, slot: int, *, at_most: int) -> list[Table]:
        """Return up to ``at_most`` tables of a vector."""
        start, length = self._vector(slot, 4)
        places = (start + 4 * index for index in range(min(length, at_most)))
        return [Table(self._data, place + _read(UINT32, self._data, place)) for place in places]

    def integers(self, slot: int, width: int, *, at_most: int) -> list[tuple[int, ...]]:
        """Return the structs of ``width`` 64-bit integers in a vector.

        Raises:
            Malformed: there are more than ``at_most``.
        """
        start, length = self._vector(slot, 8 * width)
        if length > at_most:
            raise Malformed("a list in its metadata has more items than it can have")
        return list(struct.iter_unpack(f"<{width}q", self._data[start : start + 8 * width * length]))

    def count(self, slot: int) -> int:
        """Return the length of a vector, whose items may be tables."""
        return self._vector(slot, 1)[1]

    def _find(self, slot: int) -> int | None:
        if slot >= self._slots:
            return None
        offset = _read(UINT16, self._data, self._vtable + 4 + 2 * slot)
        return self._place + offset if offset else None

    def _follow(self, slot: int) -> int | None:
        place = self._find(slot)
        return None if place is None else place + int(_read(UINT32, self._data, place))

    def _vector(self, slot: int, item_bytes: int) -> tuple[int, int]:
        """Return where the items of a vector begin, and their number."""
        place = self._follow(slot)
        if place is None:
            return 0, 0
        length = int(_read(UINT32, self._data, place))
        if place + 4 + length * item_bytes > len(self._data):
            raise Malformed("a list in its metadata is longer than the metadata")
        return place + 4, length


@dataclass(frozen=True)
class Number:
    """A number to write, of one of the kinds above."""

    kind: struct.Struct
    value: int


@dataclass(frozen=True)
class Structs:
    """(n, k) 64-bit integers to write as a vector of structs."""

    values: npt.NDArray[np.int64]


Written = Mapping[int, Any]
"""A table to write: its members by slot, each a Number, Structs, text, table, or list of tables."""


def write(root: Written) -> bytes:
    """Return the buffer of a table, padded to a multiple of eight bytes."""
    data = bytearray(4)
    UINT32.pack_into(data, 0, _write_table(data, root))
    return bytes(data) + bytes(-len(data) % ALIGNMENT)


def _write_table(data: bytearray, members: Written) -> int:
    """Append a table and all that belongs to it; return its place. Everything lies behind what refers to it."""
    slots = max(members, default=-1) + 1
    data += bytes(len(data) % 2)
    vtable = len(data)
    data += bytes(4 + 2 * slots)
    data += bytes(-len(data) % ALIGNMENT)
    place = len(data)
    data += bytes(4)
    INT32.pack_into(data, place, place - vtable)
    references = []
    for slot, value in members.items():
        kind = value.kind if isinstance(value, Number) else UINT32
        data += bytes(-len(data) % kind.size)
        UINT16.pack_into(data, vtable + 4 + 2 * slot, len(data) - place)
        if isinstance(value, Number):
            data += kind.pack(value.value)
        else:
            references.append((len(data), value))
            data += bytes(4)
    UINT16.pack_into(data, vtable, 4 + 2 * slots)
    UINT16.pack_into(data, vtable + 2, len(data) - place)
    for reference, value in references:
        UINT32.pack_into(data, reference, _write_value(data, value) - reference)
    return place


def _write_value(data: bytearray, value: Any) -> int:
    if isinstance(value, Mapping):
        return _write_table(data, value)
    # The length of a vector lies right before its items, which are aligned to eight bytes.
    data += bytes(-(len(data) + 4) % ALIGNMENT)
    place = len(data)
    if isinstance(value, str):
        text = value.encode()
        data += UINT32.pack(len(text)) + text + b"\0"
    elif isinstance(value, Structs):
        data += UINT32.pack(len(value.values)) + value.values.astype("<i8").tobytes()
    else:
        data += UINT32.pack(len(value)) + bytes(4 * len(value))
        for index, item in enumerate(value):
            reference = place + 4 + 4 * index
            UINT32.pack_into(data, reference, _write_table(data, item) - reference)
    data += bytes(-len(data) % 4)
    return place
