"""CSV: text, converted to the types of the model's contract."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from espalier.cli.output import CommandFailed
from espalier.cli.tables.batch import Batch, Feature, Row, Wanted, expect_columns

__all__ = ["CsvSource"]

BOOLEANS = {"0": False, "1": True, "false": False, "true": True}


class CsvSource:
    """Comma-separated text with a header; an empty cell is a missing value."""

    def __init__(self, path: Path) -> None:
        """Store the path; nothing is read yet."""
        self._path = path
        self.total: int | None = None

    def batches(self, wanted: Wanted) -> Iterator[Batch]:
        """Convert cells to the types of the features; other values are sent unchanged, and the API rejects them."""
        try:
            with self._path.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file)
                wanted = expect_columns(self._path, reader.fieldnames or [], wanted)
                while records := list(islice(reader, wanted.size)):
                    yield _batch(records, wanted)
        except (OSError, ValueError, csv.Error) as error:
            raise CommandFailed(f"cannot read {self._path}: {error}") from error


def _batch(records: list[dict[str, str]], wanted: Wanted) -> Batch:
    types = [(feature["name"], feature) for feature in wanted.features]
    rows: list[Row] = [{name: _value(record[name], feature) for name, feature in types} for record in records]
    kept: list[Row] = [{name: record[name] for name in wanted.keep} for record in records]
    return Batch(_as_arrow(rows, wanted) if wanted.as_arrow and find_spec("pyarrow") else rows, kept)


def _as_arrow(rows: list[Row], wanted: Wanted) -> Any:
    """Return a pyarrow.Table, or the rows themselves if a value has another type, so that the API names it."""
    import pyarrow as pa

    from espalier.cli.tables.columnar import arrow_type

    whole = [feature["name"] for feature in wanted.features if feature["type"] == "int"]
    if any(isinstance(row[name], float) for row in rows for name in whole):
        return rows  # pyarrow would cut the fraction off
    schema = pa.schema([(feature["name"], arrow_type(feature)) for feature in wanted.features])
    try:
        return pa.Table.from_pylist(rows, schema=schema)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return rows


def _value(text: str | None, feature: Feature) -> Any:
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
