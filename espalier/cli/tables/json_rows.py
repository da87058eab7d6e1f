"""JSON, from a file or from standard input: a document with all rows, or one row a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

from espalier.cli.output import CommandFailed
from espalier.cli.tables.batch import Batch, Row, Wanted

__all__ = ["JsonSource"]

FORM = 'expected a list of rows, {"rows": [...]}, or one row a line'


class JsonSource:
    """Rows that are sent unchanged, except for copied columns that are not features."""

    def __init__(self, path: Path) -> None:
        """Store the path; a file of lines is read in parts, a document as a whole."""
        self._path = path
        self.total: int | None = None

    def batches(self, wanted: Wanted) -> Iterator[Batch]:
        """Yield batches."""
        names = {feature["name"] for feature in wanted.features}
        outside = [name for name in wanted.keep if name not in names]
        try:
            with _open(self._path) as file:
                every = self._rows(file)
                while rows := list(islice(every, wanted.size)):
                    yield Batch([_without(row, outside) for row in rows], [_only(row, wanted.keep) for row in rows])
        except (OSError, ValueError) as error:
            raise CommandFailed(f"cannot read {self._path}: {error}") from error

    def _rows(self, file: TextIO) -> Iterator[Any]:
        first = next((line for line in file if line.strip()), "")
        row = _parse(first)
        if isinstance(row, dict) and not any(isinstance(value, list | dict) for value in row.values()):
            return chain([row], _lines(file))
        content = json.loads(first + file.read())
        rows = content.get("rows") if isinstance(content, dict) else content
        if not isinstance(rows, list):
            raise CommandFailed(f"{self._path}: {FORM}")
        self.total = len(rows)
        return iter(rows)


@contextmanager
def _open(path: Path) -> Iterator[TextIO]:
    if str(path) == "-":
        yield sys.stdin
        return
    with path.open(encoding="utf-8") as file:
        yield file


def _lines(file: Iterable[str]) -> Iterator[Any]:
    return (json.loads(line) for line in file if line.strip())


def _parse(line: str) -> Any:
    """Return the row of a line, or None if the line is the beginning of a document."""
    try:
        return json.loads(line)
    except ValueError:
        return None


def _only(row: Any, names: Sequence[str]) -> Row:
    return {name: row.get(name) for name in names} if isinstance(row, dict) else {}


def _without(row: Any, names: list[str]) -> Any:
    if not names or not isinstance(row, dict):
        return row
    return {name: value for name, value in row.items() if name not in names}
