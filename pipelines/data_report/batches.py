"""The columns of schema.yaml, batch by batch, so that a large table needs little memory.

Unlike ``dataset.tables.read_table`` it rejects no value: the report counts what cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from pipelines.config.schema import Schema, TimeColumn
from pipelines.dataset.parquet_table import ParquetTable, as_text
from pipelines.dataset.times import as_wall_clock
from pipelines.errors import InvalidData, MissingData
from pipelines.scoring.tables import first_line

__all__ = ["Batch", "Batches"]

ROWS, BLOCK_BYTES = 65_536, 8 * 2**20
TRUTH = {"true": 1.0, "false": 0.0}

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Batch:
    """Some rows: (n,) arrays by the names of their columns."""

    rows: int
    numbers: dict[str, Floats]
    """Of features that are no categories, and of a target without texts; NaN where empty or unreadable."""

    texts: dict[str, pd.Series[Any]]
    """Of categories, identifiers, and of a target with texts; NaN where empty."""

    times: pd.Series[Any] | None
    """Local times; NaT where empty or unreadable."""

    unreadable: dict[str, int]
    """Cells that are neither empty nor of the type of their column."""


class Batches:
    """Reads a table as often as it is iterated."""

    def __init__(self, path: Path, schema: Schema) -> None:
        """Check that the file has the columns.

        Raises:
            MissingData: there is no such file.
            InvalidData: it has another format, cannot be read, or lacks a column.
        """
        self._path, self._schema = path, schema
        target = [schema.target.name] if schema.target.is_text else []
        categories = [feature.name for feature in schema.features if feature.type == "category"]
        self._texts = [*(column.name for column in schema.identifiers), *categories, *target]
        time = schema.time.name if schema.time else None
        self._numbers = [name for name in schema.columns if name not in self._texts and name != time]
        self._check()

    def __iter__(self) -> Iterator[Batch]:
        """Yield the rows in the order of the table.

        Raises:
            InvalidData: the file is damaged.
        """
        before = 0
        try:
            for part in self._parts():
                yield self._typed(part, before)
                before += part.num_rows
        except (OSError, pa.ArrowException) as error:
            raise InvalidData(f"cannot read {self._path}: {first_line(error)}") from error

    def _check(self) -> None:
        if not self._path.exists():
            raise MissingData(f"{self._path} not found; put the table beside its pointer")
        if not self._is_parquet() and self._path.suffix != ".csv":
            raise InvalidData(f"{self._path}: the table must be a .csv or .parquet file, or a folder of .parquet files")
        try:
            names = self._names()
        except (OSError, ValueError) as error:  # of pyarrow too
            raise InvalidData(f"cannot read {self._path}: {first_line(error)}") from error
        missing = [name for name in self._schema.columns if name not in names]
        if missing:
            raise InvalidData(f"{self._path}: missing column(s) {', '.join(missing)}, which schema.yaml names")

    def _is_parquet(self) -> bool:
        return self._path.suffix == ".parquet" or self._path.is_dir()

    def _names(self) -> Sequence[str]:
        if self._is_parquet():
            return ParquetTable(self._path, []).columns
        return list(pd.read_csv(self._path, nrows=0).columns)

    def _parts(self) -> Iterator[Any]:
        names = self._schema.columns
        if self._is_parquet():
            yield from ParquetTable(self._path, []).batches(names, ROWS)
            return
        options = pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=names,
            null_values=[""],  # "NA" may be a category
            strings_can_be_null=True,
        )
        reading = pa_csv.ReadOptions(block_size=BLOCK_BYTES)
        parsing = pa_csv.ParseOptions(newlines_in_values=True)
        with pa_csv.open_csv(self._path, reading, parsing, options) as file:
            yield from file

    def _typed(self, part: Any, before: int) -> Batch:
        numbers, unreadable, times = {}, {}, None
        for name in self._numbers:
            numbers[name] = _numbers(part.column(name))
            unreadable[name] = int(np.isnan(numbers[name]).sum()) - part.column(name).null_count
        if self._schema.time is not None:
            column = part.column(self._schema.time.name)
            times = _times(column, self._schema.time, before)
            unreadable[self._schema.time.name] = int(times.isna().sum()) - column.null_count
        texts = {name: as_text(part.column(name), name).to_pandas() for name in self._texts}
        return Batch(part.num_rows, numbers, texts, times, unreadable)


def _numbers(column: Any) -> Floats:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    try:
        numbers: Floats = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowException:
        values = column.to_pandas().map(lambda value: TRUTH.get(str(value).lower(), value))
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers


def _times(column: Any, time: TimeColumn, before: int) -> pd.Series[Any]:
    values = column.to_pandas()
    values.index += before  # rows in error messages are those of the table
    times = as_wall_clock(values, time)
    if not pd.api.types.is_datetime64_any_dtype(times):
        times = pd.to_datetime(times, errors="coerce", format="ISO8601")
    return times.reset_index(drop=True)
