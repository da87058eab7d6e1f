"""Scores of slices: the rows with one value of a column, or of one month or quarter."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from bundle import SliceScores
from pipelines.config.params import EvaluateParams
from pipelines.config.schema import Schema
from pipelines.targets.project import Project
from pipelines.targets.task import Outputs, Truth

__all__ = ["score_slices", "slice_places"]

TIME_FORMATS = {"month": "M", "quarter": "Q"}


def score_slices(rows: pd.DataFrame, truth: Truth, outputs: Outputs, project: Project) -> tuple[SliceScores, ...]:
    """Score every slice."""
    return tuple(
        SliceScores(column=name, value=value, scores=project.task.score(truth[places], outputs[places]))
        for name, value, places in slice_places(rows, schema=project.schema, params=project.params.evaluate)
    )


def slice_places(
    rows: pd.DataFrame, *, schema: Schema, params: EvaluateParams
) -> Iterator[tuple[str, str, npt.NDArray[np.int64]]]:
    """Yield every value of every slice column, and every month or quarter, that has enough rows, with their places."""
    columns = {name: rows[name].astype(str) for name in params.slices}
    if schema.time is not None and params.time_slice != "none":
        columns[params.time_slice] = rows[schema.time.name].dt.to_period(TIME_FORMATS[params.time_slice]).astype(str)
    for name, values in columns.items():
        for value, places in values.groupby(values).indices.items():
            if len(places) >= params.min_slice_rows:
                yield name, str(value), np.asarray(places, dtype=np.int64)
