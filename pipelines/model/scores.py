"""Scores of slices: the rows with one value of a column, or of one month or quarter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bundle import SliceScores
from pipelines.config.params import EvaluateParams
from pipelines.config.schema import Schema
from pipelines.dataset.rows import Rows
from pipelines.targets.project import Project
from pipelines.targets.task import Outputs, Truth

__all__ = ["score_slices", "slice_places"]

TIME_FORMATS = {"month": "M", "quarter": "Q"}


def score_slices(rows: Rows, truth: Truth, outputs: Outputs, project: Project) -> tuple[SliceScores, ...]:
    """Score every slice."""
    return tuple(
        SliceScores(column=name, value=value, scores=project.task.score(truth[places], outputs[places]))
        for name, value, places in slice_places(rows, schema=project.schema, params=project.params.evaluate)
    )


def slice_places(
    rows: Rows, *, schema: Schema, params: EvaluateParams
) -> Iterator[tuple[str, str, npt.NDArray[np.int64]]]:
    """Yield every value of every slice column, and every month or quarter, that has enough rows, with their places.

    Memory: one column as text, and the place of each row.
    """
    for name, values in _columns(rows, schema, params):
        for value, places in values.groupby(values).indices.items():
            if len(places) >= params.min_slice_rows:
                yield name, str(value), np.asarray(places, dtype=np.int64)


def _columns(rows: Rows, schema: Schema, params: EvaluateParams) -> Iterator[tuple[str, pd.Series[Any]]]:
    names, time = dict.fromkeys(params.slices), schema.time
    by_time = params.time_slice if time is not None and params.time_slice != "none" else None
    if by_time is not None:
        names[by_time] = None
    for name in names:
        if time is not None and name == by_time:
            yield name, rows.column(time.name).dt.to_period(TIME_FORMATS[by_time]).astype(str)
        else:
            yield name, rows.column(name).astype(str)
