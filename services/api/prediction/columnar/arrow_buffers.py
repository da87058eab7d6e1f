"""Read the buffers of a record batch of an Arrow stream, each checked against the bounds of the message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from evaluation.columns import MAX_TEXT_BYTES
from services.api.prediction.columnar.arrow_schema import Field, Kind
from services.api.prediction.columnar.flatbuffers import INT64, Malformed, Table

__all__ = ["Buffers", "Mask", "Texts"]

Mask = npt.NDArray[np.bool_]

LENGTH, NODES, PLACES, COMPRESSION, VARIADIC = range(5)
"""Slots of a record batch."""

MAX_VIEWED = 10_000
"""Maximum buffers with texts of text views in one record batch."""

VIEW_BYTES, INLINE_BYTES = 16, 12
"""Size of a text view, and of the longest text inside it."""

TOO_LONG = b"?" * (MAX_TEXT_BYTES + 1)
"""Stands for a text that is too long to be a category."""


class Texts(Protocol):
    """A column of texts."""

    def read(self, start: int, stop: int) -> list[bytes | None]:
        """Return the texts of rows in UTF-8, which is not checked; None for a missing one."""
        ...


class Buffers:
    """The buffers of a record batch, which belong to its columns one after the other.

    Without rows there may be no buffers, so they are taken only if there are rows.
    """

    def __init__(self, batch: Table, body: memoryview, fields: Sequence[Field], *, max_rows: int) -> None:
        """Read where they are.

        Raises:
            Malformed: they are compressed, too many, or do not belong to these columns.
        """
        if batch.table(COMPRESSION) is not None:
            raise Malformed("its record batches are compressed; write them without compression")
        self.rows: int = batch.number(LENGTH, INT64)
        if not 0 <= self.rows <= max_rows:
            raise Malformed(f"a record batch or dictionary has {self.rows:,} values, of at most {max_rows:,}")
        nodes = batch.integers(NODES, 2, at_most=len(fields))
        if len(nodes) != len(fields) or not all(n == self.rows and 0 <= nulls <= n for n, nulls in nodes):
            raise Malformed("the columns of a record batch have different lengths, or are not those of the schema")
        self._body = body
        self._nulls = iter([nulls for _, nulls in nodes])
        number = sum(field.buffers for field in fields) + MAX_VIEWED
        self._places = iter(batch.integers(PLACES, 2, at_most=number))
        self._viewed = iter(batch.integers(VARIADIC, 1, at_most=len(fields)))

    def missing(self) -> Mask | None:
        """Return which values of the next column are missing; None if all are there."""
        if not next(self._nulls):
            self._take()
            return None
        is_missing: Mask = self.bits() == 0
        return is_missing

    def skip(self, field: Field) -> None:
        """Pass a column whose values are not needed."""
        next(self._nulls)
        for _ in range(field.buffers):
            self._take()
        if field.kind is Kind.VIEW:
            list(self._take_viewed())

    def array(self, dtype: npt.DTypeLike, *, more: int = 0) -> npt.NDArray[Any]:
        """Return the next buffer as a number for each row, and ``more`` numbers."""
        kind = np.dtype(dtype)
        return np.frombuffer(self._take(kind.itemsize * (self.rows + more)), dtype=kind, count=self.rows + more)

    def bits(self) -> npt.NDArray[np.uint8]:
        """Return the next buffer as zeros and ones."""
        packed = np.frombuffer(self._take((self.rows + 7) // 8), dtype=np.uint8)
        return np.unpackbits(packed, count=self.rows, bitorder="little")

    def texts(self, field: Field) -> Texts:
        """Return the next column, which consists of texts."""
        missing = self.missing()
        if field.kind is Kind.VIEW:
            return _ViewedTexts(self._take(VIEW_BYTES * self.rows), list(self._take_viewed()), missing)
        offsets = self.array(field.dtype, more=1)
        return _JoinedTexts(offsets, self._take(), missing)

    def _take(self, needed: int = 0) -> memoryview:
        """Return the next buffer, which has at least ``needed`` bytes."""
        offset, length = next(self._places, (-1, 0))
        if offset < 0 or length < needed or offset + length > len(self._body):
            raise Malformed("a buffer of a record batch lies outside, or is too small")
        return self._body[offset : offset + length]

    def _take_viewed(self) -> Iterator[memoryview]:
        (number,) = next(self._viewed, (0,))
        if not 0 <= number <= MAX_VIEWED:
            raise Malformed("a record batch has too many buffers")
        for _ in range(number):
            yield self._take()


class _JoinedTexts:
    """Texts one after the other, and where each begins."""

    def __init__(self, offsets: npt.NDArray[Any], data: memoryview, missing: Mask | None) -> None:
        if offsets[0] < 0 or offsets[-1] > len(data) or (offsets[1:] < offsets[:-1]).any():
            raise Malformed("a text lies outside")
        self._offsets, self._data, self._missing = offsets, data, missing

    def read(self, start: int, stop: int) -> list[bytes | None]:
        first = int(self._offsets[start])
        data = bytes(self._data[first : int(self._offsets[stop])])
        places = (self._offsets[start : stop + 1] - first).tolist()
        texts: list[bytes | None] = [data[begin:end] for begin, end in pairwise(places)]
        if self._missing is not None:
            for row in np.flatnonzero(self._missing[start:stop]).tolist():
                texts[row] = None
        return texts


class _ViewedTexts:
    """Texts of which the short ones are in the views themselves, and the others in further buffers."""

    def __init__(self, views: memoryview, buffers: Sequence[memoryview], missing: Mask | None) -> None:
        self._views, self._buffers = views, buffers
        self._missing = np.zeros(len(views) // VIEW_BYTES, dtype=np.bool_) if missing is None else missing

    def read(self, start: int, stop: int) -> list[bytes | None]:
        views = bytes(self._views[VIEW_BYTES * start : VIEW_BYTES * stop])
        parts = np.frombuffer(views, dtype="<i4").reshape(-1, 4)[:, [0, 2, 3]].tolist()
        is_missing = self._missing[start:stop].tolist()
        texts: list[bytes | None] = [None] * len(parts)
        for row, (length, buffer, offset) in enumerate(parts):
            if is_missing[row]:  # then the rest has no meaning
                continue
            if 0 <= length <= INLINE_BYTES:
                begin = VIEW_BYTES * row + 4
                texts[row] = views[begin : begin + length]
            else:
                texts[row] = self._viewed(length, buffer, offset)
        return texts

    def _viewed(self, length: int, buffer: int, offset: int) -> bytes:
        if length < 0 or not 0 <= buffer < len(self._buffers) or not 0 <= offset <= len(self._buffers[buffer]) - length:
            raise Malformed("a text lies outside")
        return TOO_LONG if length > MAX_TEXT_BYTES else bytes(self._buffers[buffer][offset : offset + length])
