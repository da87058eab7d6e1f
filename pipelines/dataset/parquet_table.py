"""Read Parquet, one file or a partitioned folder of them, without the silent changes that pandas makes.

pandas turns the category 1 into "1.0" when a column of whole numbers has missing values, and a column into the index
if the file's metadata say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from pipelines.dataset.table import Table, readable
from pipelines.errors import InvalidData

__all__ = ["ParquetTable", "as_text"]

BATCH_ROWS = 131_072
READ_AHEAD = 1
"""Batches and files that pyarrow reads in advance: more would cost memory for each."""

AS_NEEDED = ds.ParquetFileFormat(default_fragment_scan_options=ds.ParquetFragmentScanOptions(pre_buffer=False))
"""pyarrow's default, made for object stores, keeps every byte of a file that it has read until the file is closed."""


class ParquetTable(Table):
    """A Parquet file, or all that a folder has, in the order of their paths.

    A folder may be partitioned as Hive does it: ``region=north/1.parquet`` has no column region, and all of its rows
    are of the north.
    """

    def __init__(self, path: Path, texts: Sequence[str]) -> None:
        """Open it.

        Args:
            texts: columns that are read as texts.

        Raises:
            InvalidData: it is not Parquet, or a folder without Parquet files.
            MissingData: there is no such file.
        """
        self.path, self._texts = path, texts
        with readable(path):
            files = sorted(str(file) for file in path.rglob("*.parquet")) if path.is_dir() else [str(path)]
            if not files:
                raise InvalidData(f"{path} has no .parquet file")
            self._data = ds.dataset(files, format=AS_NEEDED, partitioning="hive", partition_base_dir=str(path))
            self.columns, self.rows = self._data.schema.names, self._data.count_rows()

    def frames(self, columns: Sequence[str], size: int) -> Iterator[pd.DataFrame]:
        """Yield some columns of all rows in order, ``size`` rows at a time, fewer at last.

        Raises:
            InvalidData: a column has a type that cannot be converted to text.
        """
        start = 0
        for table in _of_size(self.batches(columns), self._empty(columns), size):
            # The pandas metadata of the file is ignored: it can turn a column into the index, and names the old types.
            yield self._as_texts(table, start).to_pandas(ignore_metadata=True)
            start += len(table)

    def batches(self, columns: Sequence[str], size: int = BATCH_ROWS) -> Iterator[Any]:
        """Yield pyarrow's record batches of some columns as they are stored, at most ``size`` rows each."""
        scanner = self._data.scanner(
            columns=list(columns), batch_size=size, batch_readahead=READ_AHEAD, fragment_readahead=READ_AHEAD
        )
        yield from scanner.to_batches()

    def _empty(self, columns: Sequence[str]) -> Any:
        return pa.schema([self._data.schema.field(name) for name in columns]).empty_table()

    def _as_texts(self, table: Any, start: int) -> Any:
        for name in self._texts:
            if name in table.column_names:
                place = table.column_names.index(name)
                table = table.set_column(place, name, as_text(table.column(name), name, start=start))
        return table


def _of_size(batches: Iterator[Any], empty: Any, size: int) -> Iterator[Any]:
    """Yield tables of ``size`` rows from batches of any size; one without rows if there is none."""
    waiting, count, is_first = [empty], 0, True
    for batch in batches:
        waiting.append(pa.Table.from_batches([batch]))
        count += len(batch)
        while count >= size:
            table = pa.concat_tables(waiting)
            yield table.slice(0, size)
            waiting, count, is_first = [table.slice(size)], count - size, False
    if count or is_first:
        yield pa.concat_tables(waiting)


def as_text(column: Any, name: str, *, start: int = 0) -> Any:
    """Return a pyarrow column as texts, whole numbers without decimals.

    Args:
        start: the number, from 0, of its first row in the table.

    Raises:
        InvalidData: it cannot be converted.
    """
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    column = column.cast(kind)
    if pa.types.is_boolean(kind):
        return pc.if_else(column, "True", "False")
    if pa.types.is_floating(kind):
        column = _whole(column, name, start)
    try:
        return column.cast(pa.string())
    except pa.ArrowException as error:
        raise InvalidData(f"column {name} has type {kind}, which cannot be converted to text") from error


def _whole(column: Any, name: str, start: int) -> Any:
    """Return floats as whole numbers: pandas stores whole numbers as floats if some are missing."""
    values = column.to_pandas()
    broken = values.notna() & (values % 1 != 0)
    if broken.any():
        row = int(broken.to_numpy().argmax())
        raise InvalidData(
            f"row {start + row + 1}, column {name}: {values.iloc[row]} has decimals, but the column is a category or "
            "an identifier; store it as text"
        )
    return pc.cast(pc.if_else(pc.is_nan(column), None, column), pa.int64())
