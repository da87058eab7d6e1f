"""Stage ``evaluate``: measure the model on rows that it was not trained on.

Reads:  measured.ubj, contract.json, training.json, train.parquet, test.parquet. Rejects a model that was not trained on
        the rows of train.parquet, and a split with rows on both sides.
Gives:  metrics.json, reference.json and plots, also in the MLflow run.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipelines.config.params import load_params
from pipelines.config.schema import Schema, load_schema
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
    read_prepared,
)
from pipelines.dataset.trained_rows import check_training
from pipelines.model.drift_reference import build_reference, mean_contributions
from pipelines.model.expected_drift import add_natural_variation
from pipelines.model.matrix import encode, labels
from pipelines.model.measure import measure, predict
from pipelines.model.plots import draw_plots
from pipelines.model.trained import read_model, read_training
from pipelines.progress import progress_bar
from pipelines.registry.versions import Registry
from pipelines.stages.process import run_stage

__all__ = ["main"]

SAMPLE_SEED = 0
"""Fixed, so that two runs of the same model explain the same rows."""


def main() -> str:
    """Predict the test rows, measure, draw plots, and build the drift reference."""
    schema, params = load_schema(), load_params().evaluate
    registry = Registry(load_settings())
    registry.check()
    run_id = read_json(RUN_JSON, stage="train")["run_id"]
    training, train, test = read_training(), read_prepared(TRAIN), read_prepared(TEST)
    check_training(training, train, test, schema)
    booster, contract = read_model(MEASURED_MODEL)
    with progress_bar("measuring", 5) as advance:
        probabilities = predict(booster, encode(test, contract))
        advance("predicted")
        metrics = measure(test, probabilities, schema, params, final_fit=training.final_fit)
        advance("measured")
        sample = test.sample(min(len(test), params.explained_rows), random_state=SAMPLE_SEED)
        contributions = mean_contributions(booster, encode(sample, contract), contract)
        advance("explained")
        learned = pd.concat([train, test]) if training.final_fit else train
        reference = build_reference(learned, contract, probabilities, params=params, contributions=contributions)
        reference = reference.model_copy(update={"label_shares": _label_shares(learned, schema)})
        scores = np.concatenate([predict(booster, encode(train, contract)), probabilities])
        reference = add_natural_variation(reference, contract, train, test, time=schema.time.name, scores=scores)
        advance("binned")
        gains = {name: float(np.mean(gain)) for name, gain in booster.get_score(importance_type="total_gain").items()}
        draw_plots(PLOTS, labels(test, schema), probabilities, gains=gains, classes=schema.target.classes)
        advance("drawn")
    METRICS_JSON.write_text(metrics.model_dump_json(indent=2) + "\n", encoding="utf-8")
    REFERENCE_JSON.write_text(reference.model_dump_json(indent=2) + "\n", encoding="utf-8")
    registry.log_evaluation(run_id, metrics, [METRICS_JSON], PLOTS)
    test_scores = metrics.test
    return (
        f"ROC AUC {test_scores.roc_auc or 0:.4f}, log loss {test_scores.log_loss:.4f} (base rate "
        f"{test_scores.base_rate_log_loss:.4f}) on {test_scores.rows:,} test rows and {len(metrics.slices)} slices"
    )


def _label_shares(rows: pd.DataFrame, schema: Schema) -> dict[str, float]:
    share = float(labels(rows, schema).mean())
    return dict(zip(schema.target.classes, (1 - share, share), strict=True))


if __name__ == "__main__":
    run_stage("evaluate", main)
