"""Read from the footer of a Parquet file what is checked before it is decoded: the number of its rows, and its columns.

Source: https://parquet.apache.org/docs/file-format/metadata/ and its parquet.thrift.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from services.api.prediction.columnar.flatbuffers import Malformed
from services.api.prediction.parquet.thrift import BINARY, LIST, STRUCT, WHOLE, Reader

__all__ = ["Footer", "read_footer"]

MAGIC, ENCRYPTED = b"PAR1", b"PARE"
LENGTH = struct.Struct("<I")
END_BYTES = LENGTH.size + len(MAGIC)

SCHEMA, ROWS = 2, 3
"""Fields of the metadata. They are at its beginning, because writers order the fields by their numbers."""

NAME, CHILDREN = 4, 5
"""Fields of an element of the schema."""

MAX_READ_BYTES = 128 * 1024
"""Of the metadata: as much as the schema of 1,000 columns takes."""

MAX_NAME_BYTES = 400


@dataclass(frozen=True)
class Footer:
    """What a file claims to have."""

    rows: int
    columns: tuple[str, ...]
    nested: frozenset[str]
    """Columns that consist of others."""


def read_footer(file: bytes | bytearray, *, max_columns: int) -> Footer:
    """Return what a file claims to have; of more than ``max_columns`` columns the first ones.

    Raises:
        Malformed
    """
    if file[-len(MAGIC) :] == ENCRYPTED:
        raise Malformed("it is encrypted")
    if len(file) < len(MAGIC) + END_BYTES or file[: len(MAGIC)] != MAGIC or file[-len(MAGIC) :] != MAGIC:
        raise Malformed("it does not begin and end as Parquet files do")
    (length,) = LENGTH.unpack_from(file, len(file) - END_BYTES)
    start = len(file) - END_BYTES - length
    if start < len(MAGIC):
        raise Malformed("its metadata is longer than the file")
    return _read(Reader(bytes(file[start : start + min(length, MAX_READ_BYTES)])), max_columns)


def _read(reader: Reader, max_columns: int) -> Footer:
    schema: list[tuple[str, int]] | None = None
    for number, kind in reader.fields():
        if number == SCHEMA and kind == LIST:
            schema = _read_schema(reader)
        elif number == ROWS and kind in WHOLE:
            if schema is None:
                break
            rows = reader.whole()
            if rows < 0:
                raise Malformed("its number of rows is negative")
            columns = _top_level(schema)[:max_columns]
            return Footer(rows, tuple(name for name, _ in columns), frozenset(name for name, more in columns if more))
        else:
            reader.skip(kind)
    raise Malformed("its metadata has no schema, or no number of rows behind it")


def _read_schema(reader: Reader) -> list[tuple[str, int]]:
    """Return the name and the number of children of each element, which are in depth-first order."""
    length, kind = reader.list_begin()
    if kind != STRUCT:
        raise Malformed("its schema has no elements")
    return [_read_element(reader) for _ in range(length)]


def _read_element(reader: Reader) -> tuple[str, int]:
    name, children = "", 0
    for number, kind in reader.fields():
        if number == NAME and kind == BINARY:
            name = reader.text(max_bytes=MAX_NAME_BYTES)
        elif number == CHILDREN and kind in WHOLE:
            children = reader.whole()
        else:
            reader.skip(kind)
    return name, children


def _top_level(schema: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return the elements right below the root."""
    found, below = [], 0
    """How many elements follow that belong to the last one found."""
    for name, children in schema[1:]:
        if children < 0:
            raise Malformed("its schema has a negative number of columns")
        if below:
            below -= 1
        else:
            found.append((name, children))
        below += children
    return found
