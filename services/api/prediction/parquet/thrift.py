"""Read Thrift's compact protocol, the encoding of Parquet's metadata.

Reading trusts nothing: every access is checked against the bounds of the data, and so are depth and lengths.
Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from services.api.prediction.columnar.flatbuffers import Malformed

__all__ = ["BINARY", "LIST", "STRUCT", "WHOLE", "Reader"]

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT, UUID = range(1, 14)
WHOLE = frozenset({I16, I32, I64})
"""Types of whole numbers, all of which are written in the same way."""

FIXED_BYTES = {BYTE: 1, DOUBLE: 8, UUID: 16}
MAX_DEPTH = 16
MAX_VARINT_BYTES = 10
LONG_LIST = 15
"""Stands for a length that follows."""


class Reader:
    """A place in some data, which only moves forwards."""

    def __init__(self, data: bytes) -> None:
        """Begin at the first byte."""
        self._data, self._place = data, 0

    def fields(self) -> Iterator[tuple[int, int]]:
        """Return number and type of each field of a struct, whose value must be read or skipped before the next one.

        Raises:
            Malformed
        """
        number = 0
        while header := self._byte():
            kind, more = header & 0x0F, header >> 4
            number = number + more if more else self.whole()
            yield number, kind

    def whole(self) -> int:
        """Return a whole number."""
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def text(self, *, max_bytes: int) -> str:
        """Return a text, of which what is beyond ``max_bytes`` is cut off."""
        length = self._varint()
        start = self._place
        self._advance(length)
        return self._data[start : start + min(length, max_bytes)].decode(errors="replace")

    def list_begin(self) -> tuple[int, int]:
        """Return the length of a list, and the type of its items, which follow."""
        header = self._byte()
        length = header >> 4
        return (self._varint() if length == LONG_LIST else length), header & 0x0F

    def skip(self, kind: int, *, depth: int = 0) -> None:
        """Pass a value.

        Raises:
            Malformed: it is nested too deeply, or of an unknown type.
        """
        if depth > MAX_DEPTH:
            raise Malformed("its metadata is nested too deeply")
        if kind in (LIST, SET):
            length, items = self.list_begin()
            self._skip_items(length, [items], depth)
        elif kind == MAP:
            length = self._varint()
            kinds = self._byte() if length else 0
            self._skip_items(length, [kinds >> 4, kinds & 0x0F], depth)
        elif kind == STRUCT:
            for _, field in self.fields():
                self.skip(field, depth=depth + 1)
        else:
            self._skip_plain(kind)

    def _skip_plain(self, kind: int) -> None:
        if kind in (TRUE, FALSE):  # the type of a field is its value
            return
        if kind in WHOLE:
            self._varint()
        elif kind == BINARY:
            self._advance(self._varint())
        elif kind in FIXED_BYTES:
            self._advance(FIXED_BYTES[kind])
        else:
            raise Malformed("its metadata has a value of an unknown type")

    def _skip_items(self, length: int, kinds: list[int], depth: int) -> None:
        for _ in range(length):
            for kind in kinds:
                self.skip(BYTE if kind in (TRUE, FALSE) else kind, depth=depth + 1)

    def _byte(self) -> int:
        place = self._place
        self._advance(1)
        return self._data[place]

    def _varint(self) -> int:
        value = 0
        for place in range(MAX_VARINT_BYTES):
            byte = self._byte()
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:  # noqa: PLR2004 (the bit says that more follows)
                return value
        raise Malformed("its metadata has a number that is too long")

    def _advance(self, length: int) -> None:
        if length > len(self._data) - self._place:
            raise Malformed("its metadata ends too early")
        self._place += length
