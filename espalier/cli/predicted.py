"""Write the predictions of a table to CSV, Parquet or JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TextIO

from espalier.cli.output import CommandFailed

__all__ = ["Writer", "open_writer"]

FORMATS = (".csv", ".parquet", ".jsonl")


class Writer(Protocol):
    """An output file that is written in batches."""

    def write(self, records: Sequence[dict[str, Any]]) -> None:
        """Append rows; all rows have the same columns."""
        ...


@contextmanager
def open_writer(path: Path) -> Iterator[Writer]:
    """Write to a temporary file that is renamed when the block succeeds, so that the result is never incomplete.

    Raises:
        CommandFailed: the name does not end in .csv, .parquet or .jsonl, or the file cannot be written.
    """
    if path.suffix not in FORMATS:
        raise CommandFailed(f"{path}: the name of the output must end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    part = path.with_name(f"{path.name}.part")
    try:
        with {".csv": _csv, ".parquet": _parquet, ".jsonl": _json_lines}[path.suffix](part) as writer:
            yield writer
        part.replace(path)
    except OSError as error:
        raise CommandFailed(f"cannot write {path}: {error}") from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _csv(path: Path) -> Iterator[Writer]:
    with path.open("w", newline="", encoding="utf-8") as file:
        yield _CsvWriter(csv.writer(file))


@contextmanager
def _json_lines(path: Path) -> Iterator[Writer]:
    with path.open("w", encoding="utf-8") as file:
        yield _JsonLinesWriter(file)


@contextmanager
def _parquet(path: Path) -> Iterator[Writer]:
    path.touch()  # so that a missing folder fails before the first request
    writer = _ParquetWriter(path)
    try:
        yield writer
    finally:
        writer.close()


class _CsvWriter:
    def __init__(self, lines: Any) -> None:
        self._lines, self._started = lines, False

    def write(self, records: Sequence[dict[str, Any]]) -> None:
        if not self._started:
            self._lines.writerow(records[0])
            self._started = True
        self._lines.writerows(record.values() for record in records)


class _JsonLinesWriter:
    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, records: Sequence[dict[str, Any]]) -> None:
        self._file.writelines(f"{json.dumps(record, default=str, ensure_ascii=False)}\n" for record in records)


class _ParquetWriter:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None

    def write(self, records: Sequence[dict[str, Any]]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pa.Table.from_pylist(list(records), schema=self._writer.schema if self._writer else None)
        except pa.ArrowException as error:
            raise CommandFailed(f"an --id-column has values of different types: {error}") from error
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
