"""Read CSV without the silent changes that pandas makes.

pandas uses the first column as the index when every row ends with a comma, and fills short rows with empty cells.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from pipelines.dataset.table import Table, readable
from pipelines.errors import InvalidData

__all__ = ["CsvTable"]

SHOWN = 3


class CsvTable(Table):
    """A CSV file with a header."""

    def __init__(self, path: Path, texts: Sequence[str]) -> None:
        """Read it once, and check that every row has as many cells as the header.

        Args:
            texts: columns that are read as texts.

        Raises:
            InvalidData: a row has more or fewer, or the header has a duplicate name.
            MissingData: there is no such file.
        """
        self.path, self._texts = path, texts
        with readable(path):
            self.rows = _count_rows(path)
            self.columns = list(pd.read_csv(path, nrows=0).columns)  # pandas gives a column without a name one

    def frames(self, columns: Sequence[str], size: int) -> Iterator[pd.DataFrame]:
        """Yield some columns of all rows in order, ``size`` rows at a time."""
        with pd.read_csv(
            self.path,
            dtype=dict.fromkeys([name for name in self._texts if name in columns], "str"),
            usecols=list(columns),
            keep_default_na=False,  # only an empty cell is missing: "NA" may be a category
            na_values=[""],
            chunksize=size,
        ) as chunks:
            yield from chunks


def _count_rows(path: Path) -> int:
    """Return the number of rows, after a check that each has as many cells as the header."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        repeated = sorted({name for name in header if name and header.count(name) > 1})
        if repeated:
            raise InvalidData(f"{path}: duplicate column(s) in the header: {', '.join(repeated)}")
        count, uneven = _uneven(rows, len(header))
    if uneven:
        _report(path, header, uneven)
    return count


def _uneven(rows: Iterator[list[str]], width: int) -> tuple[int, list[tuple[int, int, bool]]]:
    """Return the number of rows; and of those with another width than the header the number, the width, and whether
    the last cell is empty."""
    number, found = 0, []
    for row in rows:
        number += bool(row)  # pandas also skips empty lines
        if len(row) != width and row:
            found.append((number, len(row), row[-1] == ""))
    return number, found


def _report(path: Path, header: Sequence[str], uneven: Sequence[tuple[int, int, bool]]) -> None:
    shown = ", ".join(f"row {number} has {cells}" for number, cells, _ in uneven[:SHOWN])
    more = f" and {len(uneven) - SHOWN:,} more" if len(uneven) > SHOWN else ""
    ends_empty = all(is_empty and cells == len(header) + 1 for _, cells, is_empty in uneven)
    hint = (
        "; the rows end with a comma" if ends_empty else "; is the file truncated, or a text with a comma not quoted?"
    )
    raise InvalidData(f"{path}: the header has {len(header)} cells, but {shown}{more}{hint}")
