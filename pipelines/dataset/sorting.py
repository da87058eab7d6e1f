"""Sort the rows of a file by time, in bounded memory: DuckDB keeps in files what does not fit."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from pipelines.dataset.rows import piece_rows
from pipelines.errors import DiskFull, InvalidData

__all__ = ["Sorting"]

THREADS = 2
"""Each needs memory of its own."""


class Sorting:
    """The rows of a Parquet file with a known target, in the order of their times; rows of the same time stay in the
    order of the file."""

    def __init__(self, path: Path, *, by: str, known: str, memory_mib: int) -> None:
        """Choose file and columns.

        Args:
            by: the time column.
            known: the column of which no value may be missing.
            memory_mib: what DuckDB may use.
        """
        self._path, self._by, self._known, self._memory = path, _quoted(by), _quoted(known), memory_mib
        self._spill = path.with_name("sorting")

    def rows(self, start: pd.Timestamp | None, end: pd.Timestamp | None) -> Iterator[pd.DataFrame]:
        """Yield the rows from ``start`` until before ``end``; None: no limit.

        Raises:
            InvalidData: DuckDB cannot sort them, for example with so little memory.
            DiskFull: there is no space for what does not fit into memory.
        """
        limits = [(sign, limit.as_unit("ns").value) for sign, limit in ((">=", start), ("<", end)) if limit is not None]
        conditions = [f"{self._known} IS NOT NULL", *(f"epoch_ns({self._by}) {sign} ?" for sign, _ in limits)]
        query = (  # names are quoted, and values are parameters
            "SELECT * EXCLUDE (file_row_number) FROM read_parquet(?, file_row_number = true) "  # noqa: S608
            f"WHERE {' AND '.join(conditions)} ORDER BY {self._by}, file_row_number"
        )
        with self._connection() as connection:
            found = connection.sql(query, params=[str(self._path), *(value for _, value in limits)])
            for batch in found.to_arrow_reader(piece_rows(len(found.columns))):
                yield batch.to_pandas()

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        import duckdb

        settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{self._memory}MiB",
            "temp_directory": str(self._spill),
            "threads": THREADS,
            "preserve_insertion_order": False,  # the order is stated; to keep another one costs memory
        }
        try:
            with duckdb.connect(config=settings) as connection:
                yield connection
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            if "No space left" in reason or "max_temp_directory_size" in reason:
                raise DiskFull(f"no space left on the disk for sorting {self._path} ({reason})") from error
            raise InvalidData(
                f"cannot sort {self._path} ({reason}); give it more memory: PIPELINE_SORT_MEMORY_MIB"
            ) from error
        finally:
            shutil.rmtree(self._spill, ignore_errors=True)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
