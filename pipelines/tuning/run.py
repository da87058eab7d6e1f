"""Run or continue a study, and record it in MLflow."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.config.settings import Settings
from pipelines.dataset.rows import Rows
from pipelines.errors import InvalidParams
from pipelines.model.lineage import read_origin
from pipelines.model.scratch import scratch_folder
from pipelines.progress import progress_bar
from pipelines.registry.versions import Registry
from pipelines.targets.project import Project
from pipelines.tuning.outcome import changes_of, write_outcome
from pipelines.tuning.search import Tuner, complete_trials, study_prefix
from pipelines.tuning.storage import open_study, storage_of

if TYPE_CHECKING:
    import optuna

__all__ = ["Found", "Plan", "tune"]


@dataclass(frozen=True)
class Plan:
    """How long to search."""

    trials: int = 50
    budget: timedelta | None = None
    resume: bool = False


@dataclass(frozen=True)
class Found:
    """The outcome of a study, with all its trials so far."""

    study: str
    run_id: str
    metric: str
    present: float
    """Value of the parameters of params.yaml on the validation rows."""

    best: float | None
    """None: no trial was better."""

    changes: dict[str, Any] | None
    trials: dict[str, int]
    """Number of trials by state."""


def tune(train: Rows, project: Project, settings: Settings, url: str, plan: Plan) -> Found:
    """Search for better parameters of ``train.booster`` on validation rows.

    Args:
        train: prepared training rows, and no test row.
        url: database of the studies.

    Raises:
        InvalidParams: the time was over before one trial.
        MissingData: there is no study to resume.
    """
    deadline = None if plan.budget is None else time.monotonic() + plan.budget.total_seconds()
    registry = Registry(settings)
    registry.check()
    params, prefix = project.params, study_prefix(train, project)
    warm_up = params.train.rounds // 4
    study = open_study(storage_of(url), prefix, resume=plan.resume, seed=params.train.seed, warm_up=warm_up)
    experiment = f"{params.register_.model_name}-tuning"  # not that of training: open runs there belong to the gate
    run_id = registry.start_run(
        experiment, read_origin(settings), {"study": study.study_name, **_flat(project)}, stage="tune"
    )
    with registry.failing(run_id), scratch_folder() as folder:
        tuner = Tuner.of(study, train, project, folder)
        with progress_bar("tuning", plan.trials) as advance:
            tuner.run(plan.trials, deadline, advance)
        found = _found(tuner, run_id)
        _record(registry, run_id, tuner, found)
    registry.finish_run(run_id)
    return found


def _found(tuner: Tuner, run_id: str) -> Found:
    counts = _counts(tuner.study)
    if not counts.get("complete"):
        raise InvalidParams("no trial was finished in the time; give --time-budget more, or lower train.rounds")
    best = tuner.best()
    return Found(
        study=tuner.study.study_name,
        run_id=run_id,
        metric=tuner.project.task.curve[0],
        present=tuner.present().value,
        best=None if best is None else best.value,
        changes=None if best is None else changes_of(best, tuner.project),
        trials=counts,
    )


def _counts(study: optuna.Study) -> dict[str, int]:
    counts: dict[str, int] = {}
    for trial in study.get_trials(deepcopy=False):
        state = trial.state.name.lower()
        counts[state] = counts.get(state, 0) + 1
    return counts


def _record(registry: Registry, run_id: str, tuner: Tuner, found: Found) -> None:
    name, best, curve, bests = f"validation_{found.metric}", found.present, {}, {}
    for trial in complete_trials(tuner.study):
        if trial.value is not None:
            best = min(best, trial.value)
            curve[trial.number], bests[trial.number] = trial.value, best
    registry.log_curve(run_id, {name: curve, f"best_{name}": bests})
    registry.log_metrics(run_id, {f"present_{name}": found.present})
    with tempfile.TemporaryDirectory() as folder:
        shown = tuner.project.task.curve[1]
        write_outcome(Path(folder), tuner.study, found.changes, present=found.present, loss=shown)
        registry.log_folder(run_id, Path(folder), "study")


def _flat(project: Project) -> dict[str, str]:
    space = project.params.tune.model_dump(mode="json")["space"]
    return {f"tune.space.{name}": str(values) for name, values in space.items()}
