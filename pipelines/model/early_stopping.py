"""Find the number of rounds: boost until the validation rows show no more gain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import xgboost as xgb

from bundle import Contract, StoppedEarly
from pipelines.config.train_params import EarlyStopping
from pipelines.dataset.validation_rows import hold_out
from pipelines.model.boosting import CURVE_STEP, boost, to_matrix
from pipelines.model.matrix import labels
from pipelines.progress import Advance
from pipelines.targets.class_weights import class_weights
from pipelines.targets.project import Project

__all__ = ["Search", "find_rounds"]


@dataclass(frozen=True)
class Search:
    """The best number of rounds, and how it was found."""

    stopped: StoppedEarly
    curve: dict[int, float] = field(default_factory=dict)
    """Metric of the validation rows: every tenth round, the best and the last one."""


def find_rounds(
    train: pd.DataFrame,
    contract: Contract,
    project: Project,
    window: EarlyStopping,
    advance: Advance,
    *,
    callbacks: Sequence[Any] = (),
) -> Search:
    """Boost on a part of the training rows, and return the round that was best on the other part.

    Args:
        train: (n, k) prepared training rows, and no test row.
        window: which of them are validation rows, and how long to wait for a gain.
        callbacks: XGBoost's, called first after each round.

    Raises:
        InvalidData: the training rows cannot be divided in this way.
        InvalidParams: XGBoost rejects the parameters, or does not know one of them.
    """
    learned, validation = hold_out(train, project, window)
    metric, shown = project.task.curve
    note = _Note(advance, metric, shown)
    patience = xgb.callback.EarlyStopping(rounds=window.rounds, metric_name=metric, data_name="validation")
    weights = class_weights(labels(learned, project.task), project.params.train.class_weights, project.target.classes)
    booster = boost(
        to_matrix(learned, contract, weights),
        contract,
        project.schema,
        project.params.train,
        callbacks=[note, *callbacks, patience],
        validation=to_matrix(validation, contract, weights),
    )
    best = booster.best_iteration
    kept = {round_ for round_ in range(len(note.values)) if round_ % CURVE_STEP == 0} | {best, len(note.values) - 1}
    stopped = StoppedEarly(
        rounds=best + 1,
        most_rounds=project.params.train.rounds,
        metric=metric,
        value=note.values[best],
        validation_rows=len(validation),
    )
    return Search(stopped, {round_: note.values[round_] for round_ in sorted(kept)})


class _Note(xgb.callback.TrainingCallback):  # type: ignore[misc]  # the library has no types
    """Keep the value of every round, and show the best."""

    def __init__(self, advance: Advance, metric: str, shown: str) -> None:
        self.values: list[float] = []
        self._advance, self._metric, self._shown = advance, metric, shown

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
        self.values = evals_log["validation"][self._metric]
        best = min(range(len(self.values)), key=self.values.__getitem__)
        self._advance(f"best validation {self._shown} {self.values[best]:.4f} in round {best + 1}")
        return False
