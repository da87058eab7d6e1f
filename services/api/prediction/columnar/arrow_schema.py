"""Read the schema of an Arrow stream, and match it with the contract.

Source: https://arrow.apache.org/docs/format/Columnar.html and its Schema.fbs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from services.api.errors import FieldProblem
from services.api.prediction.columnar.columns import Columns
from services.api.prediction.columnar.flatbuffers import BOOL, INT16, INT32, INT64, UINT8, Malformed, Table
from services.api.prediction.validation import MAX_PROBLEMS, refuse_fields

__all__ = ["TEXTS", "Field", "Kind", "Plan", "read_plan"]

MAX_NAME_BYTES = 400
"""Of the longest name of a feature in UTF-8; what is longer is unknown anyway."""

TYPES = (
    *("none", "null", "int", "float", "binary", "utf8", "bool", "decimal", "date", "time", "timestamp", "interval"),
    *("list", "struct", "union", "fixed-size binary", "fixed-size list", "map", "duration", "large binary"),
    *("large utf8", "large list", "run-end encoded", "binary view", "utf8 view", "list view", "large list view"),
)
"""Names of the types, by their numbers."""

INT, FLOAT = TYPES.index("int"), TYPES.index("float")
FLOATS = ("<f2", "<f4", "<f8")
INT_BITS = (8, 16, 32, 64)


class Kind(Enum):
    """What the values of a column are, and how they lie in memory."""

    MISSING = "null"
    NUMBER = "number"
    BOOL = "bool"
    TEXT = "text"
    VIEW = "text view"
    CODED = "dictionary"
    OTHER = "other"


BUFFERS = {Kind.MISSING: 0, Kind.NUMBER: 2, Kind.BOOL: 2, Kind.TEXT: 3, Kind.VIEW: 2, Kind.CODED: 2}
"""How many buffers a column has. A text view has more: those that hold the texts."""

SIMPLE = {
    "null": Kind.MISSING,
    "bool": Kind.BOOL,
    "utf8": Kind.TEXT,
    "large utf8": Kind.TEXT,
    "utf8 view": Kind.VIEW,
}
OFFSETS = {"utf8": "<i4", "large utf8": "<i8"}

TEXTS = frozenset({Kind.TEXT, Kind.VIEW})
ACCEPTED = {
    "float": {Kind.NUMBER, Kind.MISSING},
    "int": {Kind.NUMBER, Kind.MISSING},
    "bool": {Kind.BOOL, Kind.MISSING},
    "category": {Kind.CODED, Kind.MISSING, *TEXTS},
}
"""Type of a feature → kinds of its column."""

ANY = frozenset(Kind) - {Kind.OTHER}
"""Kinds of an ignored column: its buffers have to be passed over."""


@dataclass(frozen=True)
class Field:
    """A column of the stream."""

    name: str
    type_name: str
    kind: Kind
    dtype: str = ""
    """Of its numbers, the offsets of its texts, or its places in a dictionary."""

    dictionary_id: int = 0
    values: Field | None = None
    """If it has a dictionary: the column that the dictionary consists of."""

    @property
    def buffers(self) -> int:
        """How many buffers it has at least."""
        return BUFFERS[self.kind]


@dataclass(frozen=True)
class Plan:
    """How to read the record batches of a stream."""

    fields: tuple[Field, ...]
    features: tuple[int | None, ...]
    """The place in the contract of each field; None: it is ignored."""


def read_plan(schema: Table, columns: Columns) -> Plan:
    """Match the columns of a stream with the contract's.

    Raises:
        Malformed
        InvalidRows: lists up to 20 columns that are missing, unknown, duplicates, or of another type.
    """
    if schema.number(0, INT16):
        raise Malformed("its numbers are big-endian")
    # Beyond the largest valid number, only unknown and duplicate columns are to be named.
    found = schema.tables(1, at_most=columns.most + MAX_PROBLEMS)
    names = [table.text(0, max_bytes=MAX_NAME_BYTES) for table in found]
    columns.check_names(names)
    fields = tuple(_read_field(name, table) for name, table in zip(names, found, strict=True))
    places = tuple(columns.places.get(name) for name in names)
    problems: list[FieldProblem] = [
        columns.wrong_type(field.name, field.type_name)
        for place, field in zip(places, fields, strict=True)
        if field.kind not in (ANY if place is None else ACCEPTED[columns.features[place].type])
    ]
    if problems:
        raise refuse_fields(tuple(problems[:MAX_PROBLEMS]))
    return Plan(fields, places)


def _read_field(name: str, table: Table) -> Field:
    number, kind = table.number(2, UINT8), table.table(3)
    if not 0 < number < len(TYPES) or kind is None:
        raise Malformed("a column has an unknown type")
    field = _plain_field(name, number, kind)
    dictionary = table.table(4)
    if dictionary is None:
        return field
    type_name = f"dictionary of {field.type_name}"
    if field.kind not in TEXTS:
        return Field(name, type_name, Kind.OTHER)
    index = dictionary.table(1)
    dtype = "<i4" if index is None else _int(index)
    return Field(name, type_name, Kind.CODED, dtype, dictionary.number(0, INT64), field)


def _plain_field(name: str, number: int, kind: Table) -> Field:
    if number == INT:
        dtype = _int(kind)
        return Field(name, np.dtype(dtype).name, Kind.NUMBER, dtype)
    if number == FLOAT:
        precision = kind.number(0, INT16)
        if not 0 <= precision < len(FLOATS):
            raise Malformed("a column has an unknown precision")
        return Field(name, np.dtype(FLOATS[precision]).name, Kind.NUMBER, FLOATS[precision])
    type_name = TYPES[number]
    return Field(name, type_name, SIMPLE.get(type_name, Kind.OTHER), OFFSETS.get(type_name, ""))


def _int(kind: Table) -> str:
    bits = kind.number(0, INT32)
    if bits not in INT_BITS:
        raise Malformed("a column has integers of an unknown width")
    return f"<{'i' if kind.number(1, BOOL, False) else 'u'}{bits // 8}"
