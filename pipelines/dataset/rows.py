"""Rows that need not fit into memory: they are read in pieces, or a few columns at a time.

A piece is a row group of a Parquet file. Its number of rows follows from the number of columns alone, so that the same
table always gives the same pieces, and what is learned from them is the same on every machine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.dataset.whole_file import whole_file
from pipelines.errors import InvalidData, MissingData

__all__ = [
    "FileRows",
    "FrameRows",
    "JoinedRows",
    "Rows",
    "SelectedRows",
    "as_rows",
    "every_nth",
    "piece_rows",
    "step_for",
    "write_rows",
]

PIECE_CELLS = 2**24
"""Cells of a piece: 128 MiB of numbers."""


def piece_rows(columns: int) -> int:
    """Return how many rows of so many columns a piece has."""
    return max(1, PIECE_CELLS // columns)


class Rows(ABC):
    """A number of rows with the same columns."""

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of rows."""

    @abstractmethod
    def pieces(self, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
        """Yield the rows in order, piece by piece, none of them empty; only some columns if they are named."""

    def read(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return all rows at once."""
        return pd.concat(list(self.pieces(columns)), ignore_index=True)

    def column(self, name: str) -> pd.Series[Any]:
        """Return one column of all rows."""
        return self.read([name])[name]

    def take(self, places: npt.NDArray[np.integer[Any]]) -> pd.DataFrame:
        """Return the rows at ascending places."""
        found, start = [], 0
        for piece in self.pieces():
            inside = places[(places >= start) & (places < start + len(piece))]
            if len(inside):
                found.append(piece.iloc[inside - start])
            start += len(piece)
        return pd.concat(found, ignore_index=True)


class FrameRows(Rows):
    """Rows in memory: one piece."""

    def __init__(self, frame: pd.DataFrame) -> None:
        """Keep the rows."""
        self._frame = frame

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._frame)

    def pieces(self, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
        """Yield all rows at once."""
        if len(self._frame):
            yield self._frame if columns is None else self._frame[list(columns)]

    def read(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return all rows at once, with their columns and types even if there is none."""
        return (self._frame if columns is None else self._frame[list(columns)]).reset_index(drop=True)


class FileRows(Rows):
    """Rows in a Parquet file that a stage wrote: each row group is a piece."""

    def __init__(self, path: Path, *, stage: str = "prepare") -> None:
        """Open the file.

        Raises:
            MissingData: it does not exist yet; the message says that ``stage`` writes it.
            InvalidData: it is not valid Parquet.
        """
        self._path = path
        try:
            with pq.ParquetFile(path) as file:
                self._length, self._groups = int(file.metadata.num_rows), int(file.metadata.num_row_groups)
                self.schema = file.schema_arrow
        except FileNotFoundError as error:
            raise MissingData(f"{path} not found; run: python -m pipelines.stages.{stage}") from error
        except (ValueError, OSError) as error:
            raise InvalidData(f"cannot read {path}: {error}") from error

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._length

    def pieces(self, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
        """Yield one row group after the other.

        Raises:
            InvalidData: the file cannot be read.
        """
        try:
            with pq.ParquetFile(self._path) as file:
                for group in range(self._groups):
                    piece = file.read_row_group(group, columns=None if columns is None else list(columns)).to_pandas()
                    if len(piece):
                        yield piece
        except (ValueError, OSError) as error:
            raise InvalidData(f"cannot read {self._path}: {error}") from error

    def read(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return all rows at once, with the file's columns and types even if there is no row."""
        pieces = list(self.pieces(columns))
        if pieces:
            return pd.concat(pieces, ignore_index=True)
        names = self.schema.names if columns is None else columns
        empty: pd.DataFrame = pa.schema([self.schema.field(name) for name in names]).empty_table().to_pandas()
        return empty


class JoinedRows(Rows):
    """Rows, then others with the same columns."""

    def __init__(self, *parts: Rows) -> None:
        """Keep the parts."""
        self._parts = parts

    def __len__(self) -> int:
        """Return the number of rows of all parts."""
        return sum(len(part) for part in self._parts)

    def pieces(self, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
        """Yield the pieces of every part."""
        for part in self._parts:
            yield from part.pieces(columns)


class SelectedRows(Rows):
    """Those of other rows that a mask selects."""

    def __init__(self, rows: Rows, mask: npt.NDArray[np.bool_]) -> None:
        """Keep the rows and the (n,) mask."""
        self._rows, self._mask = rows, mask
        self._length = int(mask.sum())

    def __len__(self) -> int:
        """Return the number of selected rows."""
        return self._length

    def pieces(self, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
        """Yield what is selected of every piece."""
        start = 0
        for piece in self._rows.pieces(columns):
            selected = self._mask[start : start + len(piece)]
            start += len(piece)
            if selected.any():
                yield piece if selected.all() else piece[selected]


def as_rows(rows: Rows | pd.DataFrame) -> Rows:
    """Return rows that may be in memory already."""
    return FrameRows(rows) if isinstance(rows, pd.DataFrame) else rows


def step_for(rows: Rows, most: int) -> int:
    """Return the step with which ``every_nth`` leaves so many rows at most."""
    return max(1, -(-len(rows) // most))


def every_nth(rows: Rows, step: int) -> Rows:
    """Return the first row and every ``step``-th after it."""
    return rows if step == 1 else SelectedRows(rows, np.arange(len(rows)) % step == 0)


def write_rows(frames: Iterable[pd.DataFrame], path: Path, schema: pa.Schema) -> int:
    """Write rows of frames of any size in pieces, and return their number; a failure leaves no file.

    Args:
        frames: rows in order; columns that are not in ``schema`` are left out.
        schema: names and types of the file's columns.
    """
    count = 0
    with (
        whole_file(path) as unfinished,
        pq.ParquetWriter(unfinished, schema, **_encoding(schema)) as writer,
        ThreadPoolExecutor(1) as thread,
    ):
        written: Future[None] = thread.submit(lambda: None)
        for table in _in_pieces(frames, schema):
            written.result()
            # Compressing takes about as long as making the next piece.
            written = thread.submit(writer.write_table, table, row_group_size=len(table))
            count += len(table)
        written.result()
    return count


def _encoding(schema: pa.Schema) -> dict[str, Any]:
    """Return how columns are written: the bytes of numbers are split, which zstd needs half the time and space for."""
    return {
        "compression": "zstd",
        "use_dictionary": [field.name for field in schema if pa.types.is_string(field.type)],
        "use_byte_stream_split": [field.name for field in schema if pa.types.is_floating(field.type)],
    }


def _in_pieces(frames: Iterable[pd.DataFrame], schema: pa.Schema) -> Iterator[pa.Table]:
    size, waiting = piece_rows(len(schema.names)), schema.empty_table()
    for frame in frames:
        table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False).replace_schema_metadata(None)
        waiting = pa.concat_tables([waiting, table])
        while len(waiting) >= size:
            yield waiting.slice(0, size)
            waiting = waiting.slice(size)
    if len(waiting):
        yield waiting
