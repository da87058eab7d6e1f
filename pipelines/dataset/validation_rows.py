"""Divide training rows into rows to learn from and validation rows: early stopping and tuning never see a test row."""

from __future__ import annotations

import pandas as pd

from pipelines.config.train_params import EarlyStopping
from pipelines.dataset.hash_split import is_test, split_of
from pipelines.dataset.rows import Rows, SelectedRows
from pipelines.dataset.sides import Mask
from pipelines.dataset.times import start_of_newest
from pipelines.errors import InvalidData
from pipelines.targets.project import Project

__all__ = ["hold_out"]

SEED_OFFSET = 2**32
"""Added to ``prepare.seed``: with the same seed, all rows with a small hash are in the test set."""


def hold_out(train: Rows, project: Project, window: EarlyStopping) -> tuple[Rows, Rows]:
    """Return the rows to learn from, and the validation rows, both in the order of ``train``.

    With a time column the validation rows are the newest; rows of the same time stay together. Without one they are
    divided by hash, with the group and the shares of the classes as in the test set. Memory: the time or the hash of
    each row, and of which part it is.

    Args:
        train: prepared training rows.

    Raises:
        InvalidData: one side is empty, or nothing can be learned from it or measured on it.
    """
    if project.schema.time is not None:
        held_out = _newest(train.column(project.schema.time.name), window)
    else:
        held_out = _hashed(train, project, window.validation_share or 0)
    learned, validation = SelectedRows(train, ~held_out), SelectedRows(train, held_out)
    _check(learned, validation, project)
    return learned, validation


def _newest(times: pd.Series[pd.Timestamp], window: EarlyStopping) -> Mask:
    start = start_of_newest(times, last=window.validation_last, share=window.validation_share)
    return (times >= start).to_numpy()


def _hashed(train: Rows, project: Project, share: float) -> Mask:
    try:
        split, codes = split_of(train, project, seed=project.params.prepare.seed + SEED_OFFSET, share=share)
    except InvalidData as error:
        raise InvalidData(f"train.early_stopping: {error}") from error
    return is_test(train, split, codes, project.target.classes)


def _check(learned: Rows, validation: Rows, project: Project) -> None:
    for name, part, change in (
        ("rows to learn from", learned, "smaller"),
        ("validation rows", validation, "larger"),
    ):
        remedy = f"make the window of train.early_stopping {change} (params.yaml), or remove early_stopping"
        if not len(part):
            raise InvalidData(f"of the {len(learned) + len(validation):,} training rows, none are {name}; {remedy}")
        truth = project.task.truth(part.column(project.schema.target.name).to_numpy())
        problem = project.task.unlearnable(truth, train=part is learned)
        if problem:
            raise InvalidData(f"the {len(part):,} {name} cannot be used: {problem}; {remedy}")
