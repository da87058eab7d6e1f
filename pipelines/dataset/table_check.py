"""Check a table that is read in pieces: every cell against schema.yaml, and what only the whole table shows.

A piece is checked when it is read. Errors are raised at the end, the one that explains most first: a column that is
empty everywhere is one problem, and not one of every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandera.errors import SchemaErrors

from pipelines.config.params import ValidateParams
from pipelines.config.schema import ROW_HASH, Schema
from pipelines.dataset.cell_problems import describe_cells
from pipelines.dataset.columns import as_codes, table_schema
from pipelines.dataset.times import WallClock, wall_clock_of
from pipelines.dataset.trained_rows import hash_rows
from pipelines.errors import InvalidData

__all__ = ["TableCheck", "check_columns"]

SHOWN = 3


def check_columns(names: Sequence[str], schema: Schema) -> None:
    """Check that a table has every column that it must have.

    Raises:
        InvalidData: one is missing.
    """
    missing = [name for name in schema.columns if name not in names]
    if missing:
        raise InvalidData(
            f"missing column(s) {', '.join(missing)}: schema.yaml requires them, the table has {', '.join(names)}"
        )


class TableCheck:
    """The check of one table. Memory: one piece, and eight bytes for each row, its hash."""

    def __init__(self, schema: Schema, params: ValidateParams) -> None:
        """Begin with the first piece."""
        self._schema, self._params = schema, params
        self._rules = table_schema(schema)
        self._clock = None if schema.time is None else WallClock(schema.time)
        self._latest = None if schema.time is None else wall_clock_of(datetime.now(UTC), schema.time)
        self._problems, self._first_problems = 0, list[str]()
        self._late, self._first_late = 0, ""
        self._texts: set[str] = set()
        self._numbers = False
        self._hashes: list[npt.NDArray[np.uint64]] = []
        self._missing = dict.fromkeys(schema.columns, 0)
        self.rows = 0
        self.copies = 0
        """Rows that repeat an earlier row; known at the end."""

    @property
    def missing_share(self) -> dict[str, float]:
        """Column → share of its cells that are empty."""
        return {name: count / self.rows for name, count in self._missing.items()}

    def add(self, piece: pd.DataFrame) -> pd.DataFrame | None:
        """Check the next rows, and return them with the types of the schema, classes as their codes, times as local
        times, and the hash of each row; None if a row has a problem.

        Args:
            piece: (n, k) rows; the index is the number of each row in the table, from 0.

        Raises:
            InvalidData: a column is missing, or only some times have a UTC offset.
        """
        check_columns([str(name) for name in piece.columns], self._schema)
        self.rows += len(piece)
        for name in self._missing:
            self._missing[name] += int(piece[name].isna().sum())
        self._note_target(piece[self._schema.target.name])
        time = self._schema.time
        if self._clock is not None and time is not None:
            piece = piece.assign(**{time.name: self._clock.convert(piece[time.name])})
        try:
            checked = self._rules.validate(piece, lazy=True)
        except SchemaErrors as error:
            self._note_problems(error)
            return None
        self._note_future(checked)
        target = self._schema.target
        checked = checked.assign(**{target.name: as_codes(checked[target.name], target)})
        hashes = hash_rows(checked, self._schema.columns)
        self._hashes.append(hashes)
        return checked.assign(**{ROW_HASH: hashes})

    def finish(self) -> None:
        """Raise what is wrong with the table, now that all rows were read.

        Raises:
            InvalidData: too few rows, an empty column, copied rows, times in the future, or up to ``max_reported``
                problems with row, column, value and rule.
        """
        if self.rows < self._params.min_rows:
            raise InvalidData(f"the table has {self.rows} rows, fewer than validate.min_rows = {self._params.min_rows}")
        self._check_empty()
        self._check_target_is_number()
        if self._problems:
            more = self._problems - self._params.max_reported
            shown = self._first_problems + ([f"… and {more:,} more"] if more > 0 else [])
            raise InvalidData("\n  ".join([f"{self._problems:,} problem(s) in the table:", *shown]))
        if self._late:
            raise InvalidData(f"{self._late:,} row(s) with a known target are in the future: {self._first_late}")
        self._check_copies()

    def _note_target(self, column: pd.Series[Any]) -> None:
        """Remember whether there are texts, and only texts, where codes are expected."""
        target = self._schema.target
        if target.is_text or not target.classes or self._numbers:
            return
        present = column.dropna()
        if not pd.api.types.is_string_dtype(column):
            self._numbers = bool(len(present))
            return
        self._numbers = bool(pd.to_numeric(present, errors="coerce").notna().any())
        self._texts |= {str(value) for value in present.unique()[:SHOWN]}

    def _note_problems(self, error: SchemaErrors) -> None:
        problems = list(describe_cells(error.failure_cases))
        self._problems += len(problems)
        self._first_problems += problems[: self._params.max_reported - len(self._first_problems)]

    def _note_future(self, piece: pd.DataFrame) -> None:
        """Remember rows in the future with a known target: one such row could shift the whole split."""
        time = self._schema.time
        if time is None or self._latest is None:
            return
        late = (piece[time.name] > self._latest + self._params.max_future) & piece[self._schema.target.name].notna()
        if late.any() and not self._late:
            row = int(late.to_numpy().argmax())
            self._first_late = (
                f"row {int(piece.index[row]) + 1}, column {time.name}: {piece[time.name].iloc[row]} is later than now, "
                f"{self._latest:%Y-%m-%d %H:%M}, by more than validate.max_future"
            )
        self._late += int(late.sum())

    def _check_empty(self) -> None:
        names = (*self._schema.feature_names, self._schema.target.name)
        empty = [name for name in names if self._missing[name] == self.rows]
        if empty:
            raise InvalidData(
                f"column(s) {', '.join(empty)} are empty in every row, so nothing can be learned from them; fix the "
                "export, or remove the feature from schema.yaml"
            )

    def _check_target_is_number(self) -> None:
        """Reject texts where codes are expected, with the key that says what they mean. A few wrong cells are not
        meant: each of them is reported with its row."""
        if not self._texts or self._numbers:
            return
        target = self._schema.target
        raise InvalidData(
            f"column {target.name} has texts ({', '.join(sorted(self._texts)[:SHOWN])}, …), but the codes 0 to "
            f"{len(target.classes) - 1} are expected. List the texts as target.values in schema.yaml, in the order of "
            "target.classes"
        )

    def _check_copies(self) -> None:
        hashes = np.concatenate(self._hashes)
        ordered = np.sort(hashes)
        self.copies = int((ordered[1:] == ordered[:-1]).sum())
        if self.copies <= self._params.max_duplicate_share * self.rows:
            return
        _, firsts, place = np.unique(hashes, return_index=True, return_inverse=True)
        row = int((firsts[place] != np.arange(len(hashes))).argmax())
        raise InvalidData(
            f"{self.copies:,} of {self.rows:,} rows are exact copies of another row, more than "
            f"validate.max_duplicate_share = {self._params.max_duplicate_share:g} of them; first: row {row + 1} equals "
            f"row {int(firsts[place][row]) + 1} in every column"
        )
