"""Stage ``evaluate``: how good is the booster on rows it has not seen?

Reads:  measured.ubj, contract.json, training.json, train.parquet, test.parquet; refuses a model that was not fitted on
        the rows of train.parquet, and a split with rows on both sides.
Gives:  metrics.json, reference.json, plots; the same in the MLflow run.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import xgboost as xgb

from espalier.bundle import BundleMetrics, Contract
from pipelines.errors import InvalidData, MissingData
from pipelines.files import (
    CONTRACT_JSON,
    MEASURED_MODEL,
    METRICS_JSON,
    MODEL,
    PLOTS,
    REFERENCE_JSON,
    RUN_JSON,
    TEST,
    TRAIN,
    TRAINING_JSON,
    read_json,
    read_prepared,
)
from pipelines.matrix import encode, labels
from pipelines.natural import add_natural_variation
from pipelines.params import EvaluateParams, load_params
from pipelines.plots import draw_plots
from pipelines.progress import progress_bar
from pipelines.reference import build_reference, mean_contributions
from pipelines.registry import Registry
from pipelines.schema import Schema, load_schema
from pipelines.scores import score, score_slices
from pipelines.settings import load_settings
from pipelines.stage import run_stage
from pipelines.trained_rows import Training, check_training, hash_model

__all__ = ["main", "measure", "predict", "read_model", "read_training"]

SAMPLE_SEED = 0
"""The same rows are explained for the same test set, so that two runs of one model say the same."""


def main() -> str:
    """Predict the test rows, measure, draw, and describe how values were spread."""
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
        f"ROC AUC {test_scores.roc_auc or 0:.4f}, log loss {test_scores.log_loss:.4f} "
        f"(base rate {test_scores.base_rate_log_loss:.4f}) on {test_scores.rows:,} rows, {len(metrics.slices)} slices"
    )


def measure(
    rows: pd.DataFrame,
    probabilities: npt.NDArray[np.float32],
    schema: Schema,
    params: EvaluateParams,
    *,
    final_fit: bool = False,
) -> BundleMetrics:
    """Measure (n,) probabilities on (n, k) rows, overall and by slice."""
    truth = labels(rows, schema)
    return BundleMetrics(
        test=score(truth, probabilities, threshold=params.threshold),
        slices=score_slices(rows, truth, probabilities, schema=schema, params=params),
        final_fit=final_fit,
    )


def predict(booster: xgb.Booster, matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return (n,) probabilities of the positive class, by the same call that the API makes."""
    return np.asarray(booster.inplace_predict(matrix, validate_features=False), dtype=np.float32)


def read_model(path: Path = MODEL) -> tuple[xgb.Booster, Contract]:
    """Load what ``train`` left: the model to register, or the one to measure.

    Raises:
        MissingData: not there yet.
    """
    if not (path.exists() and CONTRACT_JSON.exists()):
        raise MissingData(f"{path} or {CONTRACT_JSON} is not there; run: python -m pipelines.train")
    booster = xgb.Booster()
    booster.load_model(bytearray(path.read_bytes()))
    return booster, Contract.model_validate_json(CONTRACT_JSON.read_bytes())


def read_training() -> Training:
    """Read which rows ``train`` fitted its models on.

    Raises:
        MissingData: not there yet.
        InvalidData: it speaks of other models than those that are there.
    """
    training = Training.model_validate(read_json(TRAINING_JSON, stage="train"))
    for path, sha256 in ((MEASURED_MODEL, training.measured_model_sha256), (MODEL, training.registered_model_sha256)):
        if not path.exists() or hash_model(path.read_bytes()) != sha256:
            raise InvalidData(f"{TRAINING_JSON} is not of {path}; run: python -m pipelines.train")
    return training


def _label_shares(rows: pd.DataFrame, schema: Schema) -> dict[str, float]:
    share = float(labels(rows, schema).mean())
    return dict(zip(schema.target.classes, (1 - share, share), strict=True))


if __name__ == "__main__":
    run_stage("evaluate", main)
