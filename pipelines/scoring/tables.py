"""Read a Parquet file batch by batch, and only the columns that are needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from bundle import Contract
from pipelines.errors import InvalidData
from pipelines.scoring.columns import check_types

__all__ = ["InputTable", "first_line"]

ALL, NONE = ("all",), ("none",)
"""Values of --keep that name no column."""


class InputTable:
    """The rows of one file."""

    def __init__(self, file: BinaryIO, address: str, contract: Contract) -> None:
        """Read the footer, and check that every feature has a column of a fitting type.

        Raises:
            InvalidData: the file is not Parquet, or lacks a column that the model needs.
        """
        self._address = address
        texts = [feature.name for feature in contract.features if feature.categories is not None]
        try:
            # Texts of categories are read as places in a dictionary: each different text is looked up once.
            self._file = pq.ParquetFile(file, read_dictionary=texts, pre_buffer=True)
        except (OSError, pa.ArrowException) as error:
            raise InvalidData(f"{address} is not a Parquet file that can be read: {first_line(error)}") from error
        self.schema = self._file.schema_arrow
        self._features = [feature.name for feature in contract.features if feature.name in self.schema.names]
        self.rows: int = self._file.metadata.num_rows
        problems = check_types(self.schema, contract)
        if problems:
            raise InvalidData(f"{address}: {'; '.join(problems)}")

    def kept(self, keep: Sequence[str] | None) -> list[str]:
        """Return the columns to copy, in the order of the table; None: those that are not features.

        Raises:
            InvalidData: it has no such column.
        """
        names = list(dict.fromkeys(self.schema.names))
        if keep is None:
            return [name for name in names if name not in self._features]
        if keep in (ALL, NONE) and keep[0] not in names:
            return names if keep == ALL else []
        unknown = [name for name in keep if name not in names]
        if unknown:
            raise InvalidData(
                f"{self._address} has no column {', '.join(unknown)}, which --keep names; it has {', '.join(names)}"
            )
        return [name for name in names if name in keep]

    def batches(self, rows: int, kept: Sequence[str]) -> Iterator[Any]:
        """Yield pyarrow.RecordBatches of at most so many rows. One row group is in memory, as it is stored.

        Raises:
            InvalidData: the file is damaged.
        """
        columns = list(dict.fromkeys([*self._features, *kept]))
        try:
            for group in range(self._file.num_row_groups):
                yield from self._file.iter_batches(rows, row_groups=[group], columns=columns, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise InvalidData(f"cannot read {self._address}: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text; its class if it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0]
