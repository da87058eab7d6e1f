"""Which test rows has the champion not learned from?

With a time column: the rows newer than all its training rows. Without one: the rows that its own split by hash put into
its test set. docs/adr/0009-windows-and-final-fit.md, docs/adr/0028-types-of-target.md.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from bundle import HashSplit, Lineage
from pipelines.config.schema import TimeColumn
from pipelines.dataset.hash_split import is_test
from pipelines.dataset.times import wall_clock_of
from pipelines.model.matrix import labels
from pipelines.targets.project import Project

__all__ = ["unseen_rows"]

START_OVER = (
    "so nothing tells which of the present rows it has learned from. Check the candidate yourself, and remove the "
)
START_OVER += "alias champion to start over"


def unseen_rows(champion: Lineage, test: pd.DataFrame, project: Project) -> tuple[pd.DataFrame, str]:
    """Return the test rows that the champion was not trained on, and why they do not suffice; empty if they do."""
    time = project.schema.time
    if time is not None:
        if champion.split is not None:
            return test, f"was trained on rows divided by hash, without the time column {time.name}, {START_OVER}"
        return _newer_rows(champion.data_until, test, time, project)
    if champion.split is None:
        return test, f"was trained on rows divided by time, and schema.yaml has no time column, {START_OVER}"
    return _own_test_rows(champion.split, test, project)


def _newer_rows(
    until: datetime | None, test: pd.DataFrame, time: TimeColumn, project: Project
) -> tuple[pd.DataFrame, str]:
    if until is None:  # an older bundle
        return test, ""
    unseen = test[test[time.name] > wall_clock_of(until, time)]
    reached = (
        f"was trained on rows up to {until:%Y-%m-%d %H:%M} UTC; only {len(unseen):,} of {len(test):,} test rows are "
        "newer"
    )
    return unseen, _too_few(unseen, test, reached, project, remedy="Train again when there are more new rows")


def _own_test_rows(split: HashSplit, test: pd.DataFrame, project: Project) -> tuple[pd.DataFrame, str]:
    missing = [name for name in split.columns if name not in test.columns]
    if missing:
        return test, (
            "was trained on rows divided by a hash of column(s) that schema.yaml or the table no longer has "
            f"({', '.join(missing)}), {START_OVER}"
        )
    classes = project.target.classes
    if set(split.test_below) - {""} and set(split.test_below) != set(classes):
        return test, f"was trained on rows divided by other classes than those of schema.yaml, {START_OVER}"
    unseen = test[is_test(test, split, labels(test, project.task).astype(np.intp), classes)]
    reached = f"has learned from all but {len(unseen):,} of {len(test):,} test rows"
    remedy = "Use the prepare.seed, prepare.group and columns that it was trained with: then both test on the same rows"
    return unseen, _too_few(unseen, test, reached, project, remedy=remedy)


def _too_few(unseen: pd.DataFrame, test: pd.DataFrame, reached: str, project: Project, *, remedy: str) -> str:
    if len(unseen) == len(test):
        return ""
    fewest = project.params.register_.gate.min_compared_rows
    if len(unseen) < fewest:
        return (
            f"{reached}, fewer than register.gate.min_compared_rows = {fewest:,}. On its own training "
            f"rows, the champion would beat any candidate. {remedy}"
        )
    problem = project.task.unlearnable(labels(unseen, project.task), train=False) if len(unseen) else ""
    return f"{reached}, and there {problem}, so scores are undefined. {remedy}" if problem else ""
