"""Stage ``train``: train the model on the training rows.

Reads:  train.parquet; test.parquet only for the learning curve, which decides nothing (``train.final_fit`` trains a
        second model on both).
Gives:  measured.ubj, which ``evaluate`` measures; model.ubj, which ``register`` registers (the same unless
        ``train.final_fit``); training.json with the training rows of each; contract.json; and an MLflow run with
        parameters, lineage and learning curve.
"""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import xgboost as xgb

from bundle import Contract
from pipelines.config.params import TrainParams
from pipelines.config.schema import Schema
from pipelines.config.settings import load_settings
from pipelines.dataset.files import (
    CONTRACT_JSON,
    MEASURED_MODEL,
    MODEL,
    RUN_JSON,
    TEST,
    TRAIN,
    TRAINING_JSON,
    read_prepared,
    write_json,
)
from pipelines.dataset.trained_rows import TrainedRows, Training, describe_rows, hash_model
from pipelines.errors import InvalidParams
from pipelines.model.lineage import read_origin
from pipelines.model.matrix import build_contract, encode, example_row, labels
from pipelines.progress import Advance, progress_bar
from pipelines.registry.versions import Registry
from pipelines.stages.process import run_stage
from pipelines.targets.of_type import task_of
from pipelines.targets.project import Project, load_project

__all__ = ["Fit", "main", "to_matrix", "train_booster"]

CURVE_STEP = 10
"""The learning curve has every tenth round and the last one: measuring costs a third of a round."""

Curve = dict[str, dict[int, float]]
"""Metric of the learning curve per set of rows and round."""


@dataclass(frozen=True)
class Fit:
    """A booster, and its training rows."""

    booster: xgb.Booster
    rows: TrainedRows
    curve: Curve = field(default_factory=dict)

    @property
    def model(self) -> bytes:
        """The booster in XGBoost's UBJSON format."""
        return bytes(self.booster.save_raw("ubj"))


def main() -> str:
    """Train one model, or two with ``train.final_fit``, in one MLflow run."""
    settings, project = load_settings(), load_project()
    params, schema = project.params, project.schema
    registry = Registry(settings)
    registry.check()  # before minutes of work
    train, test = read_prepared(TRAIN), read_prepared(TEST)
    contract = build_contract(train, project, example=example_row(test, schema))
    origin = read_origin(settings)
    run_id = registry.start_run(params.register_.model_name, origin, _flat(project))
    started = time.monotonic()
    with registry.failing(run_id):
        measured, registered = _fit(train, test, contract, project)
    seconds = time.monotonic() - started
    metric, _ = project.task.curve
    registry.log_curve(run_id, {f"{name}_{metric}": values for name, values in measured.curve.items()})
    registry.log_metrics(run_id, {"train_seconds": seconds, "train_rows": len(train), "test_rows": len(test)})
    _write(measured, registered, contract)
    write_json({"run_id": run_id}, RUN_JSON)
    fits = f", then on all {registered.rows.rows:,} rows" if registered is not measured else ""
    return f"{params.train.rounds} trees on {len(train):,} rows{fits} in {seconds:.0f} s, MLflow run {run_id}"


def _fit(train: pd.DataFrame, test: pd.DataFrame, contract: Contract, project: Project) -> tuple[Fit, Fit]:
    """Return the model to measure, and the one to register."""
    schema, params = project.schema, project.params.train
    with progress_bar("boosting", params.rounds) as advance:
        measured = train_booster(train, contract, schema, params, advance, watched=test)
    if not params.final_fit:
        return measured, measured
    with progress_bar("boosting on all rows", params.rounds) as advance:
        return measured, train_booster(pd.concat([train, test]), contract, schema, params, advance)


def train_booster(
    rows: pd.DataFrame,
    contract: Contract,
    schema: Schema,
    params: TrainParams,
    advance: Advance,
    *,
    watched: pd.DataFrame | None = None,
) -> Fit:
    """Train on ``rows``, and return the booster with a record of these rows.

    Args:
        rows: (n, k) prepared rows.
        watched: rows for the learning curve, in addition to the training rows; default: no curve.

    Raises:
        InvalidParams: XGBoost rejects the parameters, or does not know one of them.
    """
    task, matrix = task_of(contract.target), to_matrix(rows, contract)
    sets = [] if watched is None else [(matrix, "train"), (to_matrix(watched, contract), "test")]
    curve = _Curve(sets, params.rounds, advance, task.curve)
    # Last: with a lower verbosity, XGBoost would not report unknown parameters.
    own = {"seed": params.seed, "nthread": params.threads, "verbosity": 1, "validate_parameters": True}
    booster_params = {**task.booster_params, **params.booster, **own}
    try:
        with _reject_unknown_parameters():
            booster = xgb.train(booster_params, matrix, params.rounds, callbacks=[curve])
    except xgb.core.XGBoostError as error:
        raise InvalidParams(f"XGBoost rejects train.booster in params.yaml: {str(error).splitlines()[-1]}") from error
    return Fit(booster, describe_rows(rows, schema), curve.values)


def to_matrix(rows: pd.DataFrame, contract: Contract) -> xgb.DMatrix:
    """Return the rows as an XGBoost matrix, with names, types and labels."""
    return xgb.DMatrix(
        encode(rows, contract),
        labels(rows, task_of(contract.target)),
        feature_names=[feature.name for feature in contract.features],
        feature_types=contract.feature_types,
        enable_categorical=True,
    )


@contextmanager
def _reject_unknown_parameters() -> Iterator[None]:
    """Turn XGBoost's warning about unknown parameters into an error; they are usually misspelt.

    Raises:
        InvalidParams: the message names the parameters.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        unused = re.search(r"Parameters: \{(.*?)\} are not used", str(warning.message))
        if unused:
            names = ", ".join(re.findall(r'"(.*?)"', unused[1]))
            raise InvalidParams(f"train.booster in params.yaml: XGBoost does not know {names}; check the spelling")
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


class _Curve(xgb.callback.TrainingCallback):  # type: ignore[misc]  # the library has no types
    """Measure every few rounds, and advance the progress bar every round."""

    def __init__(
        self, sets: list[tuple[xgb.DMatrix, str]], rounds: int, advance: Advance, metric: tuple[str, str]
    ) -> None:
        self.values: Curve = {name: {} for _, name in sets}
        self._sets = sets
        self._last = rounds - 1
        self._advance = advance
        self._metric, self._shown = metric

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:  # noqa: ARG002
        if self._sets and (epoch % CURVE_STEP == 0 or epoch == self._last):
            # Format of XGBoost: [0]\ttrain-logloss:0.61\ttest-logloss:0.62
            for name, value in re.findall(rf"\t(\w+)-{self._metric}:(\S+)", model.eval_set(self._sets, epoch)):
                self.values[name][epoch] = float(value)
        losses = self.values.get("test")
        self._advance(f"test {self._shown} {list(losses.values())[-1]:.4f}" if losses else "")
        return False


def _write(measured: Fit, registered: Fit, contract: Contract) -> None:
    MEASURED_MODEL.write_bytes(measured.model)
    MODEL.write_bytes(registered.model)
    CONTRACT_JSON.write_text(contract.model_dump_json(indent=2) + "\n", encoding="utf-8")
    training = Training(
        measured=measured.rows,
        measured_model_sha256=hash_model(measured.model),
        registered=registered.rows,
        registered_model_sha256=hash_model(registered.model),
        final_fit=registered is not measured,
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
