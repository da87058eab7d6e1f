"""Decode valid rows from JSON straight into the matrix of the model, in one pass.

It is the fast half of the validation: the contract is compiled into types of msgspec, which parse and check in C. It
refuses without a reason; then ``validation.RowReader`` reads the body again and says what is wrong. Whatever is decoded
here, that reader accepts with the same numbers: a test compares the two on generated bodies.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable
from enum import Enum
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import UNSET, Meta, UnsetType, defstruct
from msgspec.structs import astuple

from bundle import Contract, Feature
from evaluation.row_schema import FLOAT32_LIMIT, MAX_CATEGORY

__all__ = ["RowDecoder"]

COLON = ord(":")

LARGE_BYTES = 4096
"""In more than this, NumPy counts a byte faster than Python does."""

ESCAPED = re.compile(r'["\\\x00-\x1f]')
"""Characters that msgspec does not take in a name. A contract with such a feature has no decoder."""


ANY_VALUE: Any = bool | float | Annotated[str, Meta(max_length=MAX_CATEGORY)] | None
"""What an ignored column may have."""


class _Category(float, Enum):
    """A category that is decoded as its code, so that a row is a tuple of numbers."""

    def __new__(cls, text: str, code: float) -> _Category:
        member = float.__new__(cls, code)
        member._value_ = text
        return member


class _OpenCategory(_Category):
    """Categories among which unknown ones are missing values."""

    @classmethod
    def _missing_(cls, value: object) -> _OpenCategory | None:
        if isinstance(value, str) and 1 <= len(value) <= MAX_CATEGORY:
            return float.__new__(cls, math.nan)  # not a member, which some text would equal
        return None


class RowDecoder:
    """Decodes the bodies of one contract."""

    def __init__(self, contract: Contract, *, max_rows: int) -> None:
        """Compile the contract. Members of the types have neutral names: a feature's name may be any text."""
        names = {f"f{index}": feature.name for index, feature in enumerate(contract.features)}
        members: list[Any] = [(name, _type_of(feature)) for name, feature in zip(names, contract.features, strict=True)]
        self._features, self._has_fixed_names = len(names), contract.has_fixed_names
        if not contract.has_fixed_names:
            pairs = zip(members, contract.features, strict=True)
            members = [_member(name, kind, feature) for (name, kind), feature in pairs]
            ignored = {f"i{index}": column.name for index, column in enumerate(contract.ignored)}
            members += [(name, ANY_VALUE | UnsetType, UNSET) for name in ignored]
            names |= ignored
        self._decoder: Any = None
        if not any(map(ESCAPED.search, names.values())):
            row: Any = defstruct("Row", members, rename=names, forbid_unknown_fields=True, gc=False, kw_only=True)
            rows: Any = Annotated[list[row], Meta(min_length=1, max_length=max_rows)]
            body: Any = defstruct("Body", [("rows", rows)], forbid_unknown_fields=True, gc=False)
            self._decoder = msgspec.json.Decoder(body)
        self._whole = [index for index, feature in enumerate(contract.features) if feature.type == "int"]
        self._pack = struct.Struct(f"={self._features}f").pack
        self._colons_of = [1 + name.count(":") for name in names.values()]
        self._colons = sum(self._colons_of)

    def decode(self, body: bytes) -> npt.NDArray[np.float32] | None:
        """Return (n, features) float32 in the contract's order, with NaN for null; None if the body may be invalid."""
        if self._decoder is None:
            return None
        try:
            rows = self._decoder.decode(body).rows
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        values, colons = [astuple(row) for row in rows], 1 + self._colons * len(rows)
        if not self._has_fixed_names:
            colons -= sum(map(self._count_absent, values))
            values = list(map(self._complete, values))
        # One colon per name: there is a duplicate, of which msgspec takes the last one, or a colon in a text.
        if _count_colons(body) != colons:
            return None
        return None if self._whole and not self._are_whole(values) else self._matrix(values)

    def _count_absent(self, row: tuple[Any, ...]) -> int:
        """Return how many colons the names have that a row leaves out."""
        if UNSET not in row:
            return 0
        return sum(colons for value, colons in zip(row, self._colons_of, strict=True) if value is UNSET)

    def _complete(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return a row without ignored columns, and with None for what it leaves out."""
        features = row[: self._features]
        return tuple([None if value is UNSET else value for value in features]) if UNSET in features else features

    def _matrix(self, rows: list[tuple[float | None, ...]]) -> npt.NDArray[np.float32]:
        if len(rows) == 1:
            return np.frombuffer(self._pack(*_without_none(rows[0])), dtype=np.float32).reshape(1, -1)
        try:
            packed = b"".join([self._pack(*row) for row in rows])  # in less than half of NumPy's time
        except struct.error:
            return np.array(rows, dtype=np.float64).astype(np.float32)  # None becomes NaN
        return np.frombuffer(packed, dtype=np.float32).reshape(len(rows), -1)

    def _are_whole(self, rows: list[tuple[float | None, ...]]) -> bool:
        """Return whether the integers are, which JSON may write as 12.0 too."""
        for index in self._whole:
            for row in rows:
                value = row[index]
                if value is not None and not value.is_integer():
                    return False
        return True


def _count_colons(body: bytes) -> int:
    if len(body) < LARGE_BYTES:
        return body.count(b":")
    return int(np.count_nonzero(np.frombuffer(body, dtype=np.uint8) == COLON))


def _without_none(row: tuple[float | None, ...]) -> Iterable[float]:
    return (math.nan if value is None else value for value in row) if None in row else row  # type: ignore[return-value]


def _member(name: str, kind: Any, feature: Feature) -> tuple[Any, ...]:
    return (name, kind | UnsetType, UNSET) if feature.optional else (name, kind)


def _type_of(feature: Feature) -> Any:
    kind: Any
    if feature.categories is not None:
        kind = _categories(feature)
    elif feature.type == "bool":
        kind = bool
    else:
        low = -FLOAT32_LIMIT if feature.minimum is None else feature.minimum
        high = FLOAT32_LIMIT if feature.maximum is None else feature.maximum
        kind = Annotated[float, Meta(ge=low, le=high)]
    return kind | None if feature.nullable else kind


def _categories(feature: Feature) -> Any:
    members = {f"c{code}": (text, float(code)) for text, code in (feature.categories or {}).items()}
    make: Any = _OpenCategory if feature.unknown_category == "missing" else _Category
    return make("Category", members)
