"""What every format gives: batches of rows with the features of the model, and the columns to copy to the output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from espalier.cli.output import CommandFailed

__all__ = ["Batch", "Feature", "Row", "Source", "Wanted", "expect_columns"]

Row = dict[str, Any]
Feature = dict[str, Any]
"""A feature of the model's contract, as GET /v1/model gives it."""


@dataclass(frozen=True)
class Batch:
    """Some rows of a table."""

    rows: Any
    """A list of dictionaries, or a pyarrow.Table."""

    kept: list[Row] = field(default_factory=list)
    """The columns to copy of each row."""


@dataclass(frozen=True)
class Wanted:
    """What to read."""

    features: Sequence[Feature]
    """Columns to send, with their types."""

    keep: Sequence[str] = ()
    """Columns to copy to the output."""

    size: int = 1000
    """Rows of a batch, at most."""

    as_arrow: bool = False
    """Batches of pyarrow, if the format has or can be given types; otherwise lists."""


class Source(Protocol):
    """A table that is read once, from the start."""

    total: int | None
    """Number of rows, if it is known in advance."""

    def batches(self, wanted: Wanted) -> Iterator[Batch]:
        """Yield batches in the order of the table.

        Raises:
            CommandFailed: a required column is missing, or the table cannot be read.
        """
        ...


def expect_columns(path: Path, columns: Sequence[str], wanted: Wanted) -> Wanted:
    """Check that a table has all columns that are wanted, and leave out the optional ones that it lacks.

    Raises:
        CommandFailed: it does not.
    """
    absent = [feature for feature in wanted.features if feature["name"] not in columns]
    missing = [feature["name"] for feature in absent if not feature.get("optional")]
    if missing:
        raise CommandFailed(f"{path} has no column {', '.join(missing)}, which the model needs")
    unknown = [name for name in wanted.keep if name not in columns]
    if unknown:
        raise CommandFailed(f"{path} has no column {', '.join(unknown)}, which --id-column requests")
    return replace(wanted, features=[feature for feature in wanted.features if feature not in absent])
