"""Write Parquet files as clients do, and metadata as no writer would."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["binary", "claim", "element", "parquet", "varint", "whole", "with_metadata"]

MAGIC = b"PAR1"


def parquet(rows: pa.Table, **options: Any) -> bytes:
    """Return the Parquet file of a table."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, **options)
    return bytes(sink.getvalue())


def with_metadata(metadata: bytes, *, length: int | None = None) -> bytes:
    """Return a file that consists of its footer."""
    return MAGIC + metadata + struct.pack("<I", len(metadata) if length is None else length) + MAGIC


def varint(value: int) -> bytes:
    """Return a number without a sign."""
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def whole(value: int) -> bytes:
    """Return a whole number in Thrift's compact protocol."""
    return varint((value << 1) ^ (value >> 63))


def binary(value: bytes) -> bytes:
    """Return a text."""
    return varint(len(value)) + value


def element(name: str, children: int | None = None) -> bytes:
    """Return an element of the schema: field 4 is its name, field 5 the number of its children."""
    more = b"" if children is None else b"\x15" + whole(children)
    return b"\x48" + binary(name.encode()) + more + b"\0"


def claim(rows: int, elements: Sequence[bytes], *, length: int | None = None) -> bytes:
    """Return metadata: field 1 is the version, 2 the schema, 3 the number of rows."""
    schema = b"\xfc" + varint(len(elements) if length is None else length) + b"".join(elements)
    return b"\x15" + whole(2) + b"\x19" + schema + b"\x16" + whole(rows) + b"\0"
