"""Record which rows a model was trained on, and check that they are the right ones.

``prepare`` gives each row a hash, ``train`` records its training rows in training.json, and ``evaluate`` rejects a
model that was trained on other rows: scores on rows that trained are worthless.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from bundle import PlattScaling, StoppedEarly
from bundle.target import is_none
from pipelines.config.schema import ROW_HASH, Schema, TimeColumn
from pipelines.dataset.rows import JoinedRows, Rows
from pipelines.errors import InvalidData

__all__ = ["TrainedRows", "Training", "are_among", "check_training", "describe_rows", "hash_model", "hash_rows"]

Hashes = npt.NDArray[np.uint64]


class TrainedRows(BaseModel):
    """A set of rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    sha256: str
    """Hash of the sorted row hashes; it does not depend on the order of the rows."""

    oldest: AwareDatetime | None = None
    newest: AwareDatetime | None = None
    """None without a time column."""


class Training(BaseModel):
    """Content of training.json: which model was trained on which rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    measured: TrainedRows
    """Training rows of the model that ``evaluate`` measures."""

    measured_model_sha256: str
    registered: TrainedRows
    """Training rows of the model that ``register`` registers: the same, plus the test rows with ``train.final_fit``."""

    registered_model_sha256: str
    final_fit: bool
    early_stopping: StoppedEarly | None = Field(default=None, exclude_if=is_none)
    """How the number of rounds of both was found; None: it is that of params.yaml."""

    calibration: PlattScaling | None = Field(default=None, exclude_if=is_none)
    """How the leaves of both were calibrated."""


def hash_rows(table: pd.DataFrame, columns: Sequence[str]) -> Hashes:
    """Return (n,) 64-bit hashes of the rows; equal rows have equal hashes, at any position."""
    cells = table[list(columns)].reset_index(drop=True)
    numbers = cells.select_dtypes("number").columns
    cells[numbers] = cells[numbers] + 0.0  # -0.0 equals 0.0 and must have the same hash
    hashes: Hashes = pd.util.hash_pandas_object(cells, index=False).to_numpy().astype(np.uint64)
    return hashes


def describe_rows(rows: Rows, schema: Schema) -> TrainedRows:
    """Return count, hash and time range of prepared rows. Memory: the hash of each row, and the times of a piece."""
    return _describe(rows, _sorted_hashes(rows), schema)


def _describe(rows: Rows, ordered: Any, schema: Schema) -> TrainedRows:
    """Describe rows whose hashes are sorted already; numpy's types do not know that an array is a buffer."""
    found = TrainedRows(rows=len(rows), sha256=hashlib.sha256(ordered).hexdigest())
    if schema.time is None:
        return found
    times = [piece[schema.time.name].agg(["min", "max"]) for piece in rows.pieces([schema.time.name])]
    range_ = {
        "oldest": _in_utc(min(time["min"] for time in times), schema.time),
        "newest": _in_utc(max(time["max"] for time in times), schema.time),
    }
    return found.model_copy(update=range_)


def are_among(hashes: Hashes, ordered: Hashes) -> npt.NDArray[np.bool_]:
    """Return (n,) whether each hash is among others, which are sorted; np.isin needs several times as long."""
    places = np.searchsorted(ordered, hashes)
    found = places < len(ordered)
    found[found] = ordered[places[found]] == hashes[found]
    return found


def hash_model(model: bytes | bytearray) -> str:
    """Return the SHA-256 of a model file."""
    return hashlib.sha256(model).hexdigest()


def check_training(training: Training, train: Rows, test: Rows, schema: Schema) -> None:
    """Reject a split with rows on both sides, and a model that was not trained on the rows it should have been.

    Raises:
        InvalidData: the message says which rows trained instead.
    """
    ours, theirs = _sorted_hashes(train), _sorted_hashes(test)
    shared = int(are_among(np.unique(theirs), ours).sum())
    if shared:
        raise InvalidData(f"{shared:,} row(s) are in both the training set and the test set; {_AGAIN}")
    expected, held_out = _describe(train, ours, schema), _describe(test, theirs, schema)
    if expected.newest is not None and held_out.oldest is not None and expected.newest >= held_out.oldest:
        raise InvalidData(
            f"the newest training row is of {expected.newest:%Y-%m-%d %H:%M} UTC, after the start of the test set at "
            f"{held_out.oldest:%Y-%m-%d %H:%M} UTC; {_AGAIN}"
        )
    if training.measured != expected:
        what = "the test rows" if training.measured == held_out else f"{training.measured.rows:,} other rows"
        raise InvalidData(
            f"the model was trained on {what}, not on the {expected.rows:,} rows of the training set; {_AGAIN}"
        )
    everything = describe_rows(JoinedRows(train, test), schema) if training.final_fit else expected
    if training.registered != everything:
        raise InvalidData(
            f"the model to register was trained on {training.registered.rows:,} rows, which are not the "
            f"{everything.rows:,} rows expected; {_AGAIN}"
        )


_AGAIN = "its scores would be worthless. Run every stage again: espalier train --force"


def _sorted_hashes(rows: Rows) -> Hashes:
    """Return (n,) hashes, in one array of eight bytes for each row."""
    hashes, start = np.empty(len(rows), dtype="<u8"), 0
    for piece in rows.pieces([ROW_HASH]):
        hashes[start : start + len(piece)] = piece[ROW_HASH].to_numpy()
        start += len(piece)
    hashes.sort()
    return hashes


def _in_utc(time: Any, column: TimeColumn) -> datetime:
    wall_clock: datetime = time.to_pydatetime(warn=False)
    return wall_clock.replace(tzinfo=column.zone).astimezone(UTC)
