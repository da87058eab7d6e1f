"""Read CSV, Parquet and JSON tables of any length in batches, for ``espalier predict``."""

from __future__ import annotations

import csv
import json as jsonlib
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from espalier.cli.output import CommandFailed

if TYPE_CHECKING:
    import pyarrow.parquet as pq

__all__ = ["Batch", "Source", "open_source"]

Row = dict[str, Any]
BOOLEANS = {"0": False, "1": True, "false": False, "true": True}


@dataclass(frozen=True)
class Batch:
    """Some rows of a table: the features to send, and the columns to copy to the output."""

    rows: list[Any]
    kept: list[Row] = field(default_factory=list)


class Source(Protocol):
    """A table that is read once, from the start."""

    total: int | None
    """Number of rows, if it is known in advance."""

    def batches(self, features: Sequence[Row], size: int, keep: Sequence[str]) -> Iterator[Batch]:
        """Yield batches of at most ``size`` rows.

        Raises:
            CommandFailed: a required column is missing, or the table cannot be read.
        """
        ...


def open_source(path: Path) -> Source:
    """Choose the format by suffix: .csv, .parquet, otherwise JSON; - is JSON from standard input."""
    if path.suffix == ".csv":
        return CsvSource(path)
    if path.suffix == ".parquet":
        return ParquetSource(path)
    return JsonSource(path)


class JsonSource:
    """A list of rows, or {"rows": [...]}: sent unchanged, except for copied columns that are not features."""

    def __init__(self, path: Path) -> None:
        """Read the whole file; JSON cannot be read in parts."""
        try:
            content = jsonlib.loads(sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CommandFailed(f"cannot read {path}: {error}") from error
        rows = content.get("rows") if isinstance(content, dict) else content
        if not isinstance(rows, list):
            raise CommandFailed(f'{path}: expected a list of rows, or {{"rows": [...]}}')
        self._rows = rows
        self.total: int | None = len(rows)

    def batches(self, features: Sequence[Row], size: int, keep: Sequence[str]) -> Iterator[Batch]:
        """Yield batches."""
        names = {feature["name"] for feature in features}
        outside = [name for name in keep if name not in names]
        for start in range(0, len(self._rows), size):
            rows = self._rows[start : start + size]
            kept = [{name: row.get(name) for name in keep} if isinstance(row, dict) else {} for row in rows]
            yield Batch([_without(row, outside) for row in rows], kept)


class CsvSource:
    """Comma-separated text with a header; an empty cell is a missing value."""

    def __init__(self, path: Path) -> None:
        """Store the path; nothing is read yet."""
        self._path = path
        self.total: int | None = None

    def batches(self, features: Sequence[Row], size: int, keep: Sequence[str]) -> Iterator[Batch]:
        """Convert cells to the types of the features; other values are sent unchanged, and the API rejects them."""
        try:
            with self._path.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file)
                _expect_columns(self._path, reader.fieldnames or [], features, keep)
                records: list[Row] = []
                for record in reader:
                    records.append(record)
                    if len(records) == size:
                        yield _batch(records, features, keep, _value)
                        records = []
                if records:
                    yield _batch(records, features, keep, _value)
        except (OSError, ValueError, csv.Error) as error:
            raise CommandFailed(f"cannot read {self._path}: {error}") from error


class ParquetSource:
    """Parquet; a null is a missing value."""

    def __init__(self, path: Path) -> None:
        """Read the footer of the file, which has the number of rows."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            self._file: pq.ParquetFile = pq.ParquetFile(path)
        except (OSError, pa.ArrowException) as error:
            raise CommandFailed(f"cannot read {path}: {error}") from error
        self._path = path
        self.total: int | None = int(self._file.metadata.num_rows)

    def batches(self, features: Sequence[Row], size: int, keep: Sequence[str]) -> Iterator[Batch]:
        """Yield batches; only the required columns are read."""
        _expect_columns(self._path, self._file.schema_arrow.names, features, keep)
        columns = list(dict.fromkeys([*(feature["name"] for feature in features), *keep]))
        for part in self._file.iter_batches(batch_size=size, columns=columns):
            yield _batch(part.to_pylist(), features, keep, _plain)


def _expect_columns(path: Path, columns: Sequence[str], features: Sequence[Row], keep: Sequence[str]) -> None:
    missing = [feature["name"] for feature in features if feature["name"] not in columns]
    if missing:
        raise CommandFailed(f"{path} has no column {', '.join(missing)}, which the model needs")
    unknown = [name for name in keep if name not in columns]
    if unknown:
        raise CommandFailed(f"{path} has no column {', '.join(unknown)}, which --id-column requests")


def _batch(
    records: list[Row], features: Sequence[Row], keep: Sequence[str], convert: Callable[[Any, Row], Any]
) -> Batch:
    types = [(feature["name"], feature) for feature in features]
    rows = [{name: convert(record[name], feature) for name, feature in types} for record in records]
    return Batch(rows, [{name: record[name] for name in keep} for record in records])


def _without(row: Any, names: Sequence[str]) -> Any:
    if not names or not isinstance(row, dict):
        return row
    return {name: value for name, value in row.items() if name not in names}


def _value(text: str | None, feature: Row) -> Any:
    if not text:
        return None
    if feature["type"] == "bool":
        return BOOLEANS.get(text.lower(), text)
    if feature["type"] in ("float", "int"):
        try:
            return _number(text, whole=feature["type"] == "int")
        except ValueError:
            return text
    return text


def _number(text: str, *, whole: bool) -> float | str:
    try:
        if whole:
            return int(text)
    except ValueError:  # pandas writes whole numbers as 12.0 if some are missing
        pass
    number = float(text)
    if not math.isfinite(number):
        return text
    return int(number) if whole and number.is_integer() else number


def _plain(value: Any, feature: Row) -> Any:
    """Return a value for JSON: None instead of NaN, and whole numbers that pandas stored as floats."""
    if isinstance(value, float) and value != value:  # noqa: PLR0124 (only NaN differs from itself)
        return None
    if feature["type"] == "int" and isinstance(value, float) and value.is_integer():
        return int(value)
    if feature["type"] == "bool" and value in (0, 1):
        return bool(value)
    return value
