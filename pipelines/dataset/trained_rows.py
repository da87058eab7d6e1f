"""Which rows a model learned from: their hashes, how far they reach, and whether they are those that they should be.

``prepare`` gives each row a hash, ``train`` records the rows that it fitted on in training.json, and ``evaluate``
refuses a model that was fitted on any others, since scores on rows that trained say nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict

from pipelines.config.schema import ROW_HASH, Schema
from pipelines.errors import InvalidData

__all__ = ["TrainedRows", "Training", "check_training", "describe_rows", "hash_model", "hash_rows"]

Hashes = npt.NDArray[np.uint64]


class TrainedRows(BaseModel):
    """A set of rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    sha256: str
    """Over the sorted hashes of the rows: the same for the same rows in any order."""

    oldest: AwareDatetime
    newest: AwareDatetime


class Training(BaseModel):
    """training.json: what was fitted on what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    measured: TrainedRows
    """Rows of the model that ``evaluate`` measures."""

    measured_model_sha256: str
    registered: TrainedRows
    """Rows of the model that ``register`` registers: the same, or with ``train.final_fit`` those and the test rows."""

    registered_model_sha256: str
    final_fit: bool


def hash_rows(table: pd.DataFrame, columns: Sequence[str]) -> Hashes:
    """Return (n,) hashes of 64 bits of the rows' cells; equal rows have equal ones, wherever they stand."""
    cells = table[list(columns)].reset_index(drop=True)
    numbers = cells.select_dtypes("number").columns
    cells[numbers] = cells[numbers] + 0.0  # -0.0 equals 0.0 and must be hashed alike
    hashes: Hashes = pd.util.hash_pandas_object(cells, index=False).to_numpy().astype(np.uint64)
    return hashes


def describe_rows(rows: pd.DataFrame, schema: Schema) -> TrainedRows:
    """Say which rows these are: prepared ones, with their hashes."""
    hashes = np.sort(rows[ROW_HASH].to_numpy(dtype="<u8"))
    times = rows[schema.time.name]
    return TrainedRows(
        rows=len(rows),
        sha256=hashlib.sha256(hashes.tobytes()).hexdigest(),
        oldest=_in_utc(times.min(), schema),
        newest=_in_utc(times.max(), schema),
    )


def hash_model(model: bytes | bytearray) -> str:
    """Return the SHA-256 of a model's file."""
    return hashlib.sha256(model).hexdigest()


def check_training(training: Training, train: pd.DataFrame, test: pd.DataFrame, schema: Schema) -> None:
    """Refuse a split with rows on both sides, and a model that was not fitted on what it should have been.

    Raises:
        InvalidData: says which rows trained instead.
    """
    shared = np.intersect1d(train[ROW_HASH].to_numpy(), test[ROW_HASH].to_numpy())
    if len(shared):
        raise InvalidData(f"{len(shared):,} row(s) are in the training set and in the test set; {_AGAIN}")
    wanted, held_out = describe_rows(train, schema), describe_rows(test, schema)
    if wanted.newest >= held_out.oldest:
        raise InvalidData(
            f"the training set reaches to {wanted.newest:%Y-%m-%d %H:%M} UTC, beyond the beginning of the test set, "
            f"{held_out.oldest:%Y-%m-%d %H:%M} UTC; {_AGAIN}"
        )
    if training.measured != wanted:
        what = "the test rows" if training.measured == held_out else f"{training.measured.rows:,} other rows"
        raise InvalidData(
            f"the model was trained on {what}, not on the {wanted.rows:,} rows of the training set; {_AGAIN}"
        )
    everything = describe_rows(pd.concat([train, test]), schema) if training.final_fit else wanted
    if training.registered != everything:
        raise InvalidData(
            f"the model to register was trained on {training.registered.rows:,} rows that are not the "
            f"{everything.rows:,} rows that it should have been trained on; {_AGAIN}"
        )


_AGAIN = "scores on these rows would say nothing. Run every stage again: espalier train --force"


def _in_utc(time: Any, schema: Schema) -> datetime:
    wall_clock: datetime = time.to_pydatetime(warn=False)
    return wall_clock.replace(tzinfo=schema.time.zone).astimezone(UTC)
