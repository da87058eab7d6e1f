"""Parquet and Arrow IPC: columns with types of their own, which are those of pandas more often than of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from espalier.cli.output import CommandFailed
from espalier.cli.tables.batch import Batch, Feature, Wanted, expect_columns

__all__ = ["IpcSource", "ParquetSource", "arrow_type"]


class ParquetSource:
    """Parquet; a null is a missing value."""

    def __init__(self, path: Path) -> None:
        """Read the footer of the file, which has the number of rows.

        Raises:
            CommandFailed: it cannot be read.
        """
        try:
            self._file = pq.ParquetFile(path)
        except (OSError, pa.ArrowException) as error:
            raise CommandFailed(f"cannot read {path}: {error}") from error
        self._path = path
        self.total: int | None = int(self._file.metadata.num_rows)

    def batches(self, wanted: Wanted) -> Iterator[Batch]:
        """Yield batches; only the required columns are read."""
        wanted = expect_columns(self._path, self._file.schema_arrow.names, wanted)
        columns = list(dict.fromkeys([*(feature["name"] for feature in wanted.features), *wanted.keep]))
        yield from _batches(self._path, self._file.iter_batches(batch_size=wanted.size, columns=columns), wanted)


class IpcSource:
    """An Arrow IPC file (Feather version 2) or an Arrow IPC stream."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            CommandFailed: it cannot be read.
        """
        try:
            mapped = pa.memory_map(str(path))
            self._reader = pa.ipc.open_file(mapped) if _is_file(path) else pa.ipc.open_stream(mapped)
        except (OSError, pa.ArrowException) as error:
            raise CommandFailed(f"cannot read {path}: {error}") from error
        self._path = path
        self.total: int | None = None

    def batches(self, wanted: Wanted) -> Iterator[Batch]:
        """Yield batches; those of the file are joined or split to the size that is wanted."""
        wanted = expect_columns(self._path, self._reader.schema.names, wanted)
        yield from _batches(self._path, _resized(_all(self._reader), wanted.size), wanted)


def arrow_type(feature: Feature) -> Any:
    """Return the type of a feature's column."""
    return {"float": pa.float64(), "int": pa.int64(), "bool": pa.bool_(), "category": pa.string()}[feature["type"]]


def _is_file(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(6) == b"ARROW1"


def _all(reader: Any) -> Iterator[Any]:
    if isinstance(reader, pa.ipc.RecordBatchFileReader):
        yield from (reader.get_batch(number) for number in range(reader.num_record_batches))
    else:
        yield from reader


def _resized(parts: Iterable[Any], size: int) -> Iterator[Any]:
    held: list[Any] = []
    for part in parts:
        held.append(part)
        if sum(batch.num_rows for batch in held) >= size:
            table = pa.Table.from_batches(held)
            whole = table.num_rows - table.num_rows % size
            yield from (table.slice(start, size) for start in range(0, whole, size))
            held = table.slice(whole).to_batches()
    if held:
        yield pa.Table.from_batches(held)


def _batches(path: Path, parts: Iterable[Any], wanted: Wanted) -> Iterator[Batch]:
    try:
        for part in parts:
            columns = {feature["name"]: _typed(part.column(feature["name"]), feature) for feature in wanted.features}
            table = pa.table(columns)
            kept = part.select(list(wanted.keep)).to_pylist() if wanted.keep else []
            yield Batch(table if wanted.as_arrow else table.to_pylist(), kept or [{}] * table.num_rows)
    except (OSError, pa.ArrowException) as error:
        raise CommandFailed(f"cannot read {path}: {error}") from error


def _typed(column: Any, feature: Feature) -> Any:
    """Return a column with the type of its feature; unchanged if a value has no such value, and the API rejects it."""
    kind = column.type
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    is_switch = feature["type"] == "bool" and is_number and set(pc.unique(column).to_pylist()) <= {0, 1, None}
    if is_switch or pa.types.is_null(kind) or (feature["type"] == "int" and pa.types.is_floating(kind)):
        try:
            return column.cast(arrow_type(feature))
        except pa.ArrowException:  # 12.5 is no whole number
            return column
    return column
