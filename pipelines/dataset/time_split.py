"""Divide rows by time: the newest are the test set, so that no later row trains the model.

Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.10.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from pipelines.config.params import PrepareParams
from pipelines.config.schema import Schema, TimeColumn
from pipelines.dataset.row_hashes import hashes_of
from pipelines.dataset.rows import Rows
from pipelines.dataset.sides import Mask, check_sides
from pipelines.dataset.times import start_of_newest
from pipelines.dataset.trained_rows import are_among
from pipelines.errors import InvalidData, InvalidParams
from pipelines.targets.project import Project

__all__ = ["TimeSplit", "split_at", "time_of"]


@dataclass(frozen=True)
class TimeSplit:
    """Test rows begin at ``start``; training rows are older, but not older than ``oldest``."""

    start: pd.Timestamp
    oldest: pd.Timestamp | None

    def older(self, times: pd.Series[Any]) -> Mask:
        """Return which rows are before the test set."""
        return (times < self.start).to_numpy()

    def trains(self, times: pd.Series[Any]) -> Mask:
        """Return which rows train."""
        older = self.older(times)
        return older if self.oldest is None else older & (times >= self.oldest).to_numpy()

    def tests(self, times: pd.Series[Any]) -> Mask:
        """Return which rows are test rows."""
        return (times >= self.start).to_numpy()


def time_of(schema: Schema) -> TimeColumn:
    """Return the time column.

    Raises:
        InvalidParams: there is none.
    """
    if schema.time is None:
        raise InvalidParams("schema.yaml has no time column, so rows cannot be split by time")
    return schema.time


def split_at(rows: Rows, project: Project) -> TimeSplit:
    """Find where the test rows of ``rows``, all with a known target, begin.

    Memory: some eight-byte numbers for each row; the columns are read in pieces.

    Raises:
        InvalidData: one side is empty or cannot be learned from, a feature has no training value, or too many test
            rows repeat an older row.
    """
    times = rows.column(time_of(project.schema).name)
    split = _split(times, project.params.prepare)
    trains, tests = split.trains(times), split.tests(times)
    check_sides(rows, trains, tests, project, where=f"on its side of {split.start}")
    _check_repeats(rows, split.older(times), tests, project)
    return split


def _split(times: pd.Series[Any], params: PrepareParams) -> TimeSplit:
    start = _start(times, params)
    return TimeSplit(start, None if params.train_last is None else start - params.train_last)


def _start(times: pd.Series[Any], params: PrepareParams) -> pd.Timestamp:
    if params.test_from is not None:
        return pd.Timestamp(datetime.fromisoformat(params.test_from.isoformat()))
    return start_of_newest(times, last=params.test_last, share=params.test_share)


def _check_repeats(rows: Rows, older: Mask, tests: Mask, project: Project) -> None:
    """Reject a table that was exported twice with different times: its test rows are also training rows, so a model
    that memorises them would look good.
    """
    schema, params, time = project.schema, project.params.prepare, time_of(project.schema)
    hashes = hashes_of(rows, [name for name in schema.columns if name != time.name])
    repeats = are_among(hashes[tests], np.sort(hashes[older]))
    count = int(repeats.sum())
    if count <= params.max_repeated_share * len(repeats):
        return
    places = np.flatnonzero(tests)[repeats]
    first = rows.take(places[:1]).iloc[0]
    identity = ", ".join(f"{column.name} {first[column.name]}" for column in (time, *schema.identifiers))
    raise InvalidData(
        f"{count:,} of {len(repeats):,} test rows equal an older row in all columns but the time, more than "
        f"prepare.max_repeated_share = {params.max_repeated_share:g} of them (first: {identity}). A model that "
        "memorises them would look good. Was part of the table exported twice? If rows repeat by nature, add an "
        "identifier to schema.yaml that distinguishes them, or raise the limit"
    )
