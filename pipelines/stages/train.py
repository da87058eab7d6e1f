"""Stage ``train``: train the model on the training rows.

Reads:  train.parquet; test.parquet only for the learning curve, which decides nothing (``train.final_fit`` trains a
        second model on both).
Gives:  measured.ubj, which ``evaluate`` measures; model.ubj, which ``register`` registers (the same unless
        ``train.final_fit``); training.json with the training rows of each; contract.json; and an MLflow run with
        parameters, lineage and learning curve.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from bundle import Contract, PlattScaling
from pipelines.config.settings import Settings, load_settings
from pipelines.dataset.files import (
    CONTRACT_JSON,
    MEASURED_MODEL,
    MODEL,
    RUN_JSON,
    TEST,
    TRAIN,
    TRAINING_JSON,
    write_json,
)
from pipelines.dataset.rows import FileRows, JoinedRows, Rows, every_nth, step_for
from pipelines.dataset.trained_rows import Training, describe_rows, hash_model
from pipelines.model.boosting import Fit
from pipelines.model.checkpoint import Checkpoints
from pipelines.model.early_stopping import Search
from pipelines.model.engines import Engine, Files, engine_of
from pipelines.model.lineage import Origin, read_origin
from pipelines.model.matrix import build_contract, example_row
from pipelines.model.platt import calibrated
from pipelines.model.scratch import scratch_folder
from pipelines.registry.versions import Registry
from pipelines.stages.process import run_stage
from pipelines.targets.project import Project, load_project

__all__ = ["main"]

CURVE_ROWS = 2**18
"""Test rows of the learning curve, at most. More would cost a tenth of the training, for a picture."""


def main() -> str:
    """Train one model, or two with ``train.final_fit``, in one MLflow run."""
    settings, project = load_settings(), load_project()
    params, schema = project.params, project.schema
    engine = engine_of(project, settings)
    registry = Registry(settings)
    registry.check()  # before minutes of work
    train, test = FileRows(TRAIN), FileRows(TEST)
    contract = build_contract(train, project, example=example_row(test, schema))
    origin = read_origin(settings)
    checkpoints = _checkpoints(settings, origin, contract, project, train, test)
    run_id = registry.start_run(params.register_.model_name, origin, _flat(project))
    started = time.monotonic()
    with registry.failing(run_id), scratch_folder() as folder:
        search, platt = engine.search(train, contract, project, files := Files(folder, checkpoints))
        rounds = search.stopped.rounds if search else params.train.rounds
        measured, registered = _calibrated(
            *_fit(engine, train, test, contract, _with_rounds(project, rounds), files), platt
        )
    seconds = time.monotonic() - started
    metric = project.task.curve[0]
    registry.log_curve(run_id, {f"{name}_{metric}": values for name, values in measured.curve.items()})
    registry.log_metrics(run_id, {"train_seconds": seconds, "train_rows": len(train), "test_rows": len(test)})
    if search is not None:
        registry.log_curve(run_id, {f"validation_{metric}": search.curve})
        registry.log_metrics(run_id, {"best_round": rounds, "validation_rows": search.stopped.validation_rows})
    if platt is not None:
        registry.log_metrics(run_id, {"calibration_slope": platt.slope, "calibration_intercept": platt.intercept})
    _write(measured, registered, contract, search, platt)
    write_json({"run_id": run_id}, RUN_JSON)
    checkpoints.remove()
    both = f", then on all {registered.rows.rows:,} rows" if registered is not measured else ""
    found = f" (best on the validation rows, {_limit(search)})" if search else ""
    return f"{rounds} trees{found} on {len(train):,} rows{both} in {seconds:.0f} s, MLflow run {run_id}"


def _limit(search: Search) -> str:
    limit = search.stopped.most_rounds
    return f"of at most {limit}" if search.stopped.rounds < limit else "the last: raise train.rounds"


def _checkpoints(settings: Settings, origin: Origin, contract: Contract, project: Project, *rows: Rows) -> Checkpoints:
    """Return where the trainings of this run keep checkpoints, for a run with the same rows and parameters alone."""
    hashes = [describe_rows(each, project.schema).sha256 for each in rows]
    params = project.params.train.model_dump_json(exclude={"threads"})
    identity = (origin.git_commit, repr(origin.libraries), contract.model_dump_json(), params, *hashes)
    return Checkpoints(settings.checkpoint_folder, settings.checkpoint_seconds, identity)


def _with_rounds(project: Project, rounds: int) -> Project:
    params = project.params.train.model_copy(update={"rounds": rounds})
    return replace(project, params=project.params.model_copy(update={"train": params}))


def _fit(
    engine: Engine,
    train: Rows,
    test: Rows,
    contract: Contract,
    project: Project,
    files: Files,
) -> tuple[Fit, Fit]:
    """Return the model to measure, and the one to register."""
    watched = every_nth(test, step_for(test, CURVE_ROWS))
    measured = engine.fit(train, contract, project, files, title="boosting", watched=watched)
    if not project.params.train.final_fit:
        return measured, measured
    return measured, engine.fit(JoinedRows(train, test), contract, project, files, title="boosting on all rows")


def _calibrated(measured: Fit, registered: Fit, platt: PlattScaling | None) -> tuple[Fit, Fit]:
    """Return both calibrated, one object if they are one."""
    first = calibrated(measured, platt)
    return first, first if registered is measured else calibrated(registered, platt)


def _write(
    measured: Fit, registered: Fit, contract: Contract, search: Search | None, platt: PlattScaling | None
) -> None:
    MEASURED_MODEL.write_bytes(measured.model)
    MODEL.write_bytes(registered.model)
    CONTRACT_JSON.write_text(contract.model_dump_json(indent=2) + "\n", encoding="utf-8")
    training = Training(
        measured=measured.rows,
        measured_model_sha256=hash_model(measured.model),
        registered=registered.rows,
        registered_model_sha256=hash_model(registered.model),
        final_fit=registered is not measured,
        early_stopping=search.stopped if search else None,
        calibration=platt,
    )
    write_json(training.model_dump(mode="json"), TRAINING_JSON)


def _flat(project: Project) -> dict[str, Any]:
    """Return all parameters that affect the model or its verdict, flat with dotted names, for MLflow."""
    nested = project.params.model_dump(include={"prepare", "train", "evaluate"}, mode="json", exclude_none=True)
    flat: dict[str, Any] = {"target.type": project.target.type}
    for stage, block in nested.items():
        for name, value in block.items():
            inner = value if isinstance(value, dict) else {"": value}
            flat |= {f"{stage}.{name}.{key}".rstrip("."): item for key, item in inner.items()}
    return flat


if __name__ == "__main__":
    run_stage("train", main)
