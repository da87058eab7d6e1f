"""Find the number of rounds: boost until the validation rows show no more gain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xgboost as xgb

from bundle import Contract, StoppedEarly
from pipelines.config.train_params import EarlyStopping
from pipelines.dataset.rows import Rows
from pipelines.dataset.validation_rows import hold_out
from pipelines.model.boosting import boost, curve_rounds, weights_of
from pipelines.model.checkpoint import Checkpoint
from pipelines.model.training_matrix import to_matrix
from pipelines.progress import Advance
from pipelines.targets.project import Project

__all__ = ["Divided", "Search", "divide", "find_rounds", "search_of"]

WAITING = ("stopping_history", "best_scores", "current_rounds")
"""State of XGBoost's callback: the values of all rounds, the best ones, and how many rounds it has waited."""


@dataclass(frozen=True)
class Divided:
    """Training rows in two parts, as XGBoost takes them."""

    learned: xgb.DMatrix
    validation: xgb.DMatrix
    patience: int
    """After how many rounds without a gain the search ends."""


@dataclass(frozen=True)
class Search:
    """The best number of rounds, and how it was found."""

    stopped: StoppedEarly
    booster: xgb.Booster
    """What learned from a part of the training rows, with the rounds after the best one."""

    curve: dict[int, float] = field(default_factory=dict)
    """Metric of the validation rows: every tenth round, the best and the last one."""


def divide(
    train: Rows, contract: Contract, project: Project, window: EarlyStopping, *, folder: Path | None = None
) -> Divided:
    """Divide training rows into rows to learn from and validation rows.

    Args:
        train: prepared training rows, and no test row.
        folder: see ``to_matrix``.

    Raises:
        InvalidData: the training rows cannot be divided in this way.
    """
    params = project.params.train
    rows, validation = hold_out(train, project, window)
    weights = weights_of(rows, contract, params)
    learned = to_matrix(rows, contract, params, weights, folder=folder)
    measured = to_matrix(validation, contract, params, weights, learned=learned, folder=folder)
    return Divided(learned, measured, patience=window.rounds)


def find_rounds(
    divided: Divided,
    contract: Contract,
    project: Project,
    advance: Advance,
    *,
    callbacks: Sequence[Any] = (),
    checkpoint: Checkpoint | None = None,
) -> Search:
    """Boost on one part of the training rows, and return the round that was best on the other part.

    Args:
        callbacks: XGBoost's, called first after each round.
        checkpoint: where to go on from and what to keep for a search that is killed; default: nothing.

    Raises:
        InvalidParams: XGBoost rejects the parameters, or does not know one of them.
    """
    metric, shown = project.task.curve
    note = _Note(advance, metric, shown)
    patience = _Patience(rounds=divided.patience, metric_name=metric, data_name="validation")
    booster = boost(
        divided.learned,
        contract,
        project.schema,
        project.params.train,
        callbacks=[note, *callbacks, patience],
        validation=divided.validation,
        checkpoint=checkpoint,
    )
    return search_of(booster, note.values, project, divided.validation.num_row())


def search_of(booster: xgb.Booster, values: Sequence[float], project: Project, validation_rows: int) -> Search:
    """Return the outcome of a training that stopped early.

    Args:
        values: metric of the validation rows after each round.
    """
    best = booster.best_iteration
    kept = curve_rounds(len(values)) | {best}
    stopped = StoppedEarly(
        rounds=best + 1,
        most_rounds=project.params.train.rounds,
        metric=project.task.curve[0],
        value=values[best],
        validation_rows=validation_rows,
    )
    return Search(stopped, booster, {round_: values[round_] for round_ in sorted(kept)})


class _Note(xgb.callback.TrainingCallback):  # type: ignore[misc]  # the library has no types
    """Keep the value of every round, and show the best."""

    def __init__(self, advance: Advance, metric: str, shown: str) -> None:
        self.values: list[float] = []
        self._best = 0
        self._advance, self._metric, self._shown = advance, metric, shown

    def state(self) -> dict[str, Any]:
        return {"values": self.values, "best": self._best}

    def restore(self, state: dict[str, Any], rounds: int) -> None:
        self.values, self._best = state["values"], state["best"]
        for _ in range(rounds):
            self._advance()

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
        self.values.append(evals_log["validation"][self._metric][-1])
        if self.values[-1] < self.values[self._best]:
            self._best = len(self.values) - 1
        self._advance(f"best validation {self._shown} {self.values[self._best]:.4f} in round {self._best + 1}")
        return False


class _Patience(xgb.callback.EarlyStopping):  # type: ignore[misc]  # the library has no types
    """XGBoost's, which begins to wait anew when a training goes on."""

    def state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in WAITING}

    def restore(self, state: dict[str, Any], rounds: int) -> None:  # noqa: ARG002  # it asks the booster
        for name in WAITING:
            setattr(self, name, state[name])
