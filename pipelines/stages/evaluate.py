"""Stage ``evaluate``: measure the model on rows that it was not trained on.

Rows are read in pieces, or one column at a time: for each row the hash, the true value, the outputs, the hour and a bin
are in memory at most.

Reads:  measured.ubj, contract.json, training.json, train.parquet, test.parquet. Rejects a model that was not trained on
        the rows of train.parquet, and a split with rows on both sides.
Gives:  metrics.json, reference.json and plots, also in the MLflow run.
"""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb

from bundle import BundleMetrics
from pipelines.config.settings import load_settings
from pipelines.dataset.files import (
    MEASURED_MODEL,
    METRICS_JSON,
    PLOTS,
    REFERENCE_JSON,
    RUN_JSON,
    TEST,
    TRAIN,
    read_json,
)
from pipelines.dataset.rows import FileRows, JoinedRows, Rows, every_nth, step_for
from pipelines.dataset.trained_rows import check_training
from pipelines.model.drift_reference import build_reference, mean_contributions
from pipelines.model.expected_drift import add_natural_variation
from pipelines.model.matrix import encode, labels_of
from pipelines.model.measure import measure, predict_pieces, predict_rows
from pipelines.model.plots import draw_plots
from pipelines.model.trained import read_model, read_training
from pipelines.progress import progress_bar
from pipelines.registry.versions import Registry
from pipelines.stages.process import run_stage
from pipelines.targets.project import load_project
from pipelines.targets.task import Outputs, Task, Truth

__all__ = ["main"]

SAMPLE_SEED = 0
"""Fixed, so that two runs of the same model explain the same rows."""

SCORED_ROWS = 2**20
"""Training rows whose scores show how much a week differs from the whole, at most: predicting takes time, and a week
of them has enough."""


def main() -> str:
    """Predict the test rows, measure, draw plots, and build the drift reference."""
    project = load_project()
    params, task, time = project.params.evaluate, project.task, project.schema.time
    registry = Registry(load_settings())
    registry.check()
    run_id = read_json(RUN_JSON, stage="train")["run_id"]
    training, train, test = read_training(), FileRows(TRAIN), FileRows(TEST)
    check_training(training, train, test, project.schema)
    booster, contract = read_model(MEASURED_MODEL)
    with progress_bar("measuring", 5) as advance:
        outputs = predict_rows(booster, test, contract, title="predicting test rows")
        advance("predicted")
        metrics = measure(test, outputs, project, training)
        advance("measured")
        contributions = mean_contributions(booster, encode(_sample(test, params.explained_rows), contract), contract)
        advance("explained")
        learned = JoinedRows(train, test) if training.final_fit else train
        reference = build_reference(learned, contract, outputs, params=params, contributions=contributions)
        reference = reference.model_copy(update={"label_shares": task.shares(labels_of(learned, task))})
        if time is not None:
            step = step_for(train, SCORED_ROWS)
            scored = JoinedRows(some := every_nth(train, step), every_nth(test, step))
            pieces = predict_pieces(booster, some, contract, title="predicting training rows")
            scores = np.concatenate([task.counted(piece) for piece in (*pieces, outputs[::step])])
            reference = add_natural_variation(reference, contract, train, scored, time=time.name, scores=scores)
        advance("binned")
        _draw(booster, task, labels_of(test, task), outputs)
        advance("drawn")
    for path, part in ((METRICS_JSON, metrics), (REFERENCE_JSON, reference)):
        path.write_text(part.model_dump_json(indent=2) + "\n", encoding="utf-8")
    registry.log_evaluation(run_id, metrics, [METRICS_JSON], PLOTS)
    return _summary(task, metrics)


def _sample(rows: Rows, count: int) -> pd.DataFrame:
    """Return random rows, in the order in which they were drawn: sums of 32-bit numbers depend on it."""
    drawn = pd.Series(np.arange(len(rows))).sample(min(len(rows), count), random_state=SAMPLE_SEED).to_numpy()
    ascending = np.sort(drawn)
    return rows.take(ascending).iloc[np.searchsorted(ascending, drawn)]


def _draw(booster: xgb.Booster, task: Task[Any], truth: Truth, outputs: Outputs) -> None:
    gains = {name: float(np.mean(gain)) for name, gain in booster.get_score(importance_type="total_gain").items()}
    shutil.rmtree(PLOTS, ignore_errors=True)  # another type of target has other plots
    draw_plots(PLOTS, task.drawings(truth, outputs), gains=gains)


def _summary(task: Task[Any], metrics: BundleMetrics) -> str:
    scored, costs = task.headline(metrics.test, base=True), metrics.costs
    if costs is not None:
        scored += f", {costs.cost:.4g} a row at threshold {costs.threshold:.4g} ({costs.cost_at_half:.4g} at 0.5)"
    return f"{scored} on {metrics.test.rows:,} test rows and {len(metrics.slices)} slices"


if __name__ == "__main__":
    run_stage("evaluate", main)
