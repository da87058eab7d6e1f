"""A table of a project as it was exported, to be read in pieces or at once."""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa

from pipelines.dataset.rows import piece_rows
from pipelines.errors import InvalidData, MissingData

__all__ = ["Table", "readable"]


class Table(ABC):
    """Rows outside the pipeline: nothing is known yet of their columns."""

    path: Path
    columns: Sequence[str]
    rows: int

    @abstractmethod
    def frames(self, columns: Sequence[str], size: int) -> Iterator[pd.DataFrame]:
        """Yield some columns of all rows in order, at most about ``size`` rows at a time."""

    def pieces(self, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
        """Yield the rows in order, their index the number of each from 0; a table without rows gives one empty piece.

        Args:
            columns: those that are read, as far as the table has them; default: all.

        Raises:
            InvalidData: the table is damaged, or a column cannot be read as text.
        """
        names = [name for name in self.columns if columns is None or name in columns]
        start = 0
        with readable(self.path):
            for frame in self.frames(names, piece_rows(max(1, len(names)))):
                frame.index = pd.RangeIndex(start, start + len(frame))
                start += len(frame)
                yield frame

    def read(self) -> pd.DataFrame:
        """Return all rows at once."""
        return pd.concat(list(self.pieces()))


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn the errors of pandas, pyarrow and the file system into ones of the table.

    Raises:
        InvalidData: the table is damaged.
        MissingData: there is no such file.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise MissingData(f"{path} not found") from error
    except (ValueError, OSError, csv.Error, pa.ArrowException) as error:
        raise InvalidData(f"cannot read {path}: {error}") from error
