"""Check columns against the contract, and encode them as the matrix for the booster.

Rows are processed in blocks, so that the memory for a request depends little on its number of rows. What is accepted,
what is refused and for which reason is the same as for rows in JSON: a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from bundle import Contract, Feature
from evaluation.row_schema import FLOAT32_LIMIT, MAX_CATEGORY

__all__ = [
    "BLOCK_ROWS",
    "MAX_TEXT_BYTES",
    "UNKNOWN",
    "Coded",
    "Coder",
    "Column",
    "Columns",
    "Floats",
    "Mask",
    "Missing",
    "Numbers",
    "WrongValue",
]

BLOCK_ROWS = 4096
"""Rows that are checked and encoded at a time."""

MAX_TEXT_BYTES = 4 * MAX_CATEGORY
"""Of the longest category in UTF-8. What is longer may be cut off behind one more byte: it is none anyway."""

UNKNOWN = -1.0
"""Code of a text that is refused."""

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Column(Protocol):
    """The values of one feature."""

    def fill(self, block: Floats, start: int, stop: int) -> None:
        """Write the rows from ``start`` to ``stop``: numbers, 0 and 1, or codes; NaN for a missing value."""


class Numbers:
    """Numbers, truth values or codes in an array, and which of them are missing."""

    __slots__ = ("_missing", "_values")

    def __init__(self, values: npt.NDArray[np.generic], missing: Mask | None = None) -> None:
        """Store the (n,) arrays."""
        self._values, self._missing = values, missing

    def fill(self, block: Floats, start: int, stop: int) -> None:
        """Write rows."""
        block[:] = self._values[start:stop]
        if self._missing is not None:
            block[self._missing[start:stop]] = np.nan


class Missing:
    """A column without values."""

    def fill(self, block: Floats, start: int, stop: int) -> None:  # noqa: ARG002 (all rows are alike)
        """Write rows."""
        block.fill(np.nan)


class Coded:
    """Places in a dictionary, of whose texts the codes are known."""

    __slots__ = ("codes", "missing", "places")

    def __init__(self, places: npt.NDArray[np.integer[Any]], codes: Floats, missing: Mask | None = None) -> None:
        """Store the (n,) places, the code of each text with that of a missing value at the end, and (n,) missing."""
        self.places, self.codes, self.missing = places, codes, missing

    def fill(self, block: Floats, start: int, stop: int) -> None:
        """Write rows."""
        places = self.places[start:stop].astype(np.intp)
        if self.missing is not None:
            places[self.missing[start:stop]] = len(self.codes) - 1
        block[:] = self.codes[places]


class WrongValue(NamedTuple):
    """A value that the contract does not allow."""

    feature: int
    """Place of its feature in the contract."""

    row: int
    reason: str
    """A stable word for metrics."""


class Columns:
    """Encodes the columns of one contract. What is done with values that it does not allow, a subclass says."""

    def __init__(self, contract: Contract) -> None:
        """Prepare the limits of every feature, and the codes of its categories."""
        features = contract.features
        self.features = features
        self.names = tuple(feature.name for feature in features)
        self.places = {name: index for index, name in enumerate(self.names)}
        self.coders = [None if feature.categories is None else _coder(feature) for feature in features]
        limits = np.array([_limits(feature) for feature in features])
        self._low, self._high = limits[:, :1], limits[:, 1:]
        self._nullable = np.array([[feature.nullable or _takes_any_text(feature)] for feature in features])
        self._whole = [index for index, feature in enumerate(features) if feature.type == "int"]

    def refuse(self, wrong: Iterator[WrongValue]) -> None:
        """Raise an error for the wrong values of one block of rows, or remember them."""
        raise NotImplementedError

    def encode(self, columns: Sequence[Column], rows: int, *, before: int = 0) -> npt.NDArray[np.float32]:
        """Return the (rows, features) matrix of columns in the contract's order.

        Args:
            columns: one for each feature.
            rows: number of rows of each.
            before: rows in earlier parts of the same table, for error messages.
        """
        matrix = np.empty((rows, len(columns)), dtype=np.float32)
        scratch = np.empty((len(columns), min(rows, BLOCK_ROWS)))
        with np.errstate(all="ignore"):  # a NaN may be of the kind that signals
            for start in range(0, rows, BLOCK_ROWS):
                stop = min(rows, start + BLOCK_ROWS)
                block = scratch[:, : stop - start]
                for column, values in zip(columns, block, strict=True):
                    column.fill(values, start, stop)
                self._check(block, before + start)
                matrix[start:stop] = block.T
        return matrix

    def _check(self, block: Floats, before: int) -> None:
        right = (block >= self._low) & (block <= self._high)
        for index in self._whole:
            right[index] &= block[index] == np.floor(block[index])
        if right.all():
            return
        right |= np.isnan(block) & self._nullable
        if not right.all():
            self.refuse(
                WrongValue(int(index), before + int(row), self._reason(index, block[index, row]))
                for index, row in zip(*np.nonzero(~right), strict=True)
            )

    def _reason(self, index: int, value: float) -> str:
        feature = self.features[index]
        if feature.categories is not None:
            return "wrong_type" if _takes_any_text(feature) else "unknown_category"
        is_outside = value < self._low[index, 0] or value > self._high[index, 0]
        return "out_of_range" if is_outside else "wrong_type"


def _takes_any_text(feature: Feature) -> bool:
    return feature.unknown_category == "missing" and feature.categories is not None


def _limits(feature: Feature) -> tuple[float, float]:
    if feature.categories is not None:
        return 0.0, len(feature.categories) - 1.0
    if feature.type == "bool":
        return 0.0, 1.0
    low = -FLOAT32_LIMIT if feature.minimum is None else feature.minimum
    return low, FLOAT32_LIMIT if feature.maximum is None else feature.maximum


Coder = Callable[[Sequence[bytes | None]], Floats]


def _coder(feature: Feature) -> Coder:
    """Return a function from n texts in UTF-8, or None, to (n,) codes: NaN for a missing value, UNKNOWN if refused."""
    codes: dict[bytes | None, float] = {text.encode(): float(code) for text, code in (feature.categories or {}).items()}
    codes[None] = np.nan if feature.nullable else UNKNOWN
    any_text = _takes_any_text(feature)

    def code_of(text: bytes | None) -> float:
        code = codes.get(text)
        if code is None:
            code = np.nan if any_text and text is not None and _is_category(text) else UNKNOWN
        return code

    def encode(texts: Sequence[bytes | None]) -> Floats:
        return np.array([code_of(text) for text in texts], dtype=np.float64)

    return encode


def _is_category(text: bytes) -> bool:
    try:
        return 1 <= len(text.decode()) <= MAX_CATEGORY
    except UnicodeDecodeError:
        return False
