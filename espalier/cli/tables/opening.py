"""Which reader a file needs, by its suffix."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from espalier.cli.output import CommandFailed
from espalier.cli.tables.batch import Source
from espalier.cli.tables.comma_separated import CsvSource
from espalier.cli.tables.json_rows import JsonSource

__all__ = ["NAMED", "open_source"]

NAMED = (".arrow", ".csv", ".feather", ".parquet")
"""Formats with columns: the features are chosen among them, and the others ignored. JSON rows are sent as they are."""


def open_source(path: Path) -> Source:
    """Return the reader of a file; - is JSON or JSON lines from standard input.

    Raises:
        CommandFailed: the file cannot be read.
    """
    if path.suffix == ".csv":
        return CsvSource(path)
    if path.suffix in NAMED:
        if find_spec("pyarrow") is None:
            raise CommandFailed(f"{path}: Parquet and Arrow files need the package pyarrow; CSV and JSON do not")
        from espalier.cli.tables.columnar import IpcSource, ParquetSource

        return ParquetSource(path) if path.suffix == ".parquet" else IpcSource(path)
    return JsonSource(path)
