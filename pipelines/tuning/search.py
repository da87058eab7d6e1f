"""Try parameters: each trial learns from a part of the training rows and is measured on the other part."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xgboost as xgb

from bundle import Contract, StoppedEarly
from pipelines.config.train_params import EarlyStopping
from pipelines.config.tune_params import Range
from pipelines.dataset.rows import Rows
from pipelines.dataset.trained_rows import describe_rows
from pipelines.errors import InvalidParams
from pipelines.model.boosting import CURVE_STEP
from pipelines.model.early_stopping import Divided, divide, find_rounds
from pipelines.model.matrix import build_contract, example_row
from pipelines.progress import Advance
from pipelines.targets.project import Project

if TYPE_CHECKING:
    import optuna

__all__ = ["ROUNDS", "Tuner", "complete_trials", "study_prefix", "window_of"]

ROUNDS, PRESENT = "rounds", "present"
"""Attributes of a trial (its best number of rounds), and of a study (value and rounds of the present parameters)."""

DEFAULT_SHARE = 0.2

OF_MATRIX = ("max_bin", "tree_method", "updater")
"""Parameters of XGBoost that decide how rows are kept."""


def window_of(project: Project) -> EarlyStopping:
    """Return the validation rows of params.yaml; without any, a fifth of the training rows."""
    params = project.params.train
    return params.early_stopping or EarlyStopping(
        rounds=max(CURVE_STEP, params.rounds // 10), validation_share=DEFAULT_SHARE
    )


def study_prefix(train: Rows, project: Project) -> str:
    """Return the name of a study without its number: equal if the same trials would have the same values."""
    params = project.params
    same = {
        "rows": describe_rows(train, project.schema).sha256,
        "schema": project.schema.model_dump(mode="json"),
        "split": [params.prepare.seed, params.prepare.group, params.prepare.stratify],
        "train": params.train.model_dump(mode="json", exclude={"threads", "final_fit", "external_memory"}),
        "space": params.tune.model_dump(mode="json"),
    }
    digest = hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:12]
    return f"{params.register_.model_name}-{digest}"


@dataclass(frozen=True)
class Tuner:
    """Runs the trials of one study."""

    study: optuna.Study
    project: Project
    train: Rows
    contract: Contract
    divided: Divided
    folder: Path | None = None

    @classmethod
    def of(cls, study: optuna.Study, train: Rows, project: Project, folder: Path | None = None) -> Tuner:
        """Divide the training rows once, for all trials but those that learn from other quantiles.

        Args:
            folder: see ``to_matrix``.

        Raises:
            InvalidData: the training rows cannot be divided.
        """
        contract = build_contract(train, project, example=example_row(train, project.schema))
        divided = divide(train, contract, project, window_of(project), folder=folder)
        return cls(study, project, train, contract, divided, folder)

    def present(self) -> StoppedEarly:
        """Measure the parameters of params.yaml, once for each study."""
        known = self.study.user_attrs.get(PRESENT)
        if known is None:
            known = find_rounds(self.divided, self.contract, self.project, _silent).stopped.model_dump()
            self.study.set_user_attr(PRESENT, known)
        return StoppedEarly.model_validate(known)

    def run(self, trials: int, deadline: float | None, advance: Advance) -> None:
        """Run trials until there are enough, or the time is over; a trial that is not done then is cut off.

        Args:
            deadline: by ``time.monotonic()``; None: no limit.
            advance: called after each trial with the best value so far.
        """
        shown, present = self.project.task.curve[1], self.present().value

        def report(study: optuna.Study, _trial: Any) -> None:
            best = min([present, *(trial.value for trial in complete_trials(study) if trial.value is not None)])
            advance(f"best validation {shown} {best:.4f} (present {present:.4f})")

        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        self.study.optimize(
            lambda trial: self._measure(trial, deadline), n_trials=trials, timeout=left, callbacks=[report]
        )

    def best(self) -> optuna.trial.FrozenTrial | None:
        """Return the best trial; None if none was better than the present parameters."""
        trials = [trial for trial in complete_trials(self.study) if trial.value is not None]
        best = min(trials, key=lambda trial: float(trial.value or 0), default=None)
        return best if best is not None and float(best.value or 0) < self.present().value else None

    def _measure(self, trial: optuna.Trial, deadline: float | None) -> float:
        train = self.project.params.train
        booster = {**train.booster, **_suggest(trial, self.project.params.tune.space)}
        changed = self.project.params.model_copy(update={"train": train.model_copy(update={"booster": booster})})
        project = replace(self.project, params=changed)
        watch = _Watch(trial, self.project.task.curve[0], deadline)
        try:
            found = find_rounds(self._divided(project), self.contract, project, _silent, callbacks=[watch])
        except InvalidParams as error:
            raise InvalidParams(f"{error} (tried by tune: {trial.params}; change tune.space)") from error
        trial.set_user_attr(ROUNDS, found.stopped.rounds)
        return found.stopped.value

    def _divided(self, project: Project) -> Divided:
        """Return the rows as a trial's parameters want them: bins and tree method decide how they are kept."""
        if all(
            project.params.train.booster.get(key) == self.project.params.train.booster.get(key) for key in OF_MATRIX
        ):
            return self.divided
        return divide(self.train, self.contract, project, window_of(project), folder=self.folder)


class _Watch(xgb.callback.TrainingCallback):  # type: ignore[misc]  # the library has no types
    """Report every tenth round, and end a trial that is worse than the others were, or when the time is over."""

    def __init__(self, trial: optuna.Trial, metric: str, deadline: float | None) -> None:
        self._trial, self._metric, self._deadline = trial, metric, deadline

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
        import optuna

        if self._deadline is not None and time.monotonic() > self._deadline:
            raise optuna.TrialPruned("the time is over")
        if epoch % CURVE_STEP == 0:
            self._trial.report(evals_log["validation"][self._metric][-1], epoch)
            if self._trial.should_prune():
                raise optuna.TrialPruned
        return False


def _suggest(trial: optuna.Trial, space: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(trial, name, values) for name, values in space.items()}


def _value(trial: optuna.Trial, name: str, values: Any) -> Any:
    if not isinstance(values, Range):
        return trial.suggest_categorical(name, list(values))
    if values.is_whole:
        return trial.suggest_int(name, int(values.low), int(values.high), log=values.log)
    return trial.suggest_float(name, values.low, values.high, log=values.log)


def complete_trials(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Return the trials that were neither pruned nor cut off."""
    import optuna

    trials: list[optuna.trial.FrozenTrial] = study.get_trials(
        deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)
    )
    return trials


def _silent(note: str = "") -> None:
    """Show nothing for each round: the progress is by trial."""
