"""Stage ``train``: training rows in, booster and contract out.

Reads:  train.parquet; test.parquet for the learning curve only, nothing is chosen by it.
Gives:  model.ubj, contract.json, and a run in MLflow with parameters, lineage and the curve.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pandas as pd
import xgboost as xgb

from espalier.bundle import Contract
from pipelines.errors import InvalidParams
from pipelines.files import CONTRACT_JSON, MODEL, RUN_JSON, TEST, TRAIN, read_prepared, write_json
from pipelines.lineage import read_origin
from pipelines.matrix import build_contract, encode, labels, real_row
from pipelines.params import Params, TrainParams, load_params
from pipelines.progress import Advance, progress_bar
from pipelines.registry import Registry
from pipelines.schema import Schema, load_schema
from pipelines.settings import load_settings
from pipelines.stage import run_stage

__all__ = ["main", "to_matrix", "train_booster"]

Curve = dict[str, dict[str, list[float]]]


def main() -> str:
    """Train one booster inside one MLflow run."""
    settings, params, schema = load_settings(), load_params(), load_schema()
    registry = Registry(settings)
    registry.check()  # before minutes of work, not after
    train, test = read_prepared(TRAIN), read_prepared(TEST)
    contract = build_contract(
        train,
        schema,
        model_name=params.register_.model_name,
        threshold=params.evaluate.threshold,
        example=real_row(test, schema),
    )
    origin = read_origin(settings)
    run_id = registry.start_run(params.register_.model_name, origin, _flat(params))
    started = time.monotonic()
    with registry.failing(run_id), progress_bar("boosting", params.train.rounds) as advance:
        matrices = [to_matrix(rows, contract, schema) for rows in (train, test)]
        booster, curve = train_booster(matrices[0], matrices[1], params.train, advance)
    seconds = time.monotonic() - started
    registry.log_curve(run_id, {f"{name}_{metric}": v for name, by in curve.items() for metric, v in by.items()})
    registry.log_metrics(run_id, {"train_seconds": seconds, "train_rows": len(train), "test_rows": len(test)})
    MODEL.write_bytes(booster.save_raw("ubj"))
    CONTRACT_JSON.write_text(contract.model_dump_json(indent=2) + "\n", encoding="utf-8")
    write_json({"run_id": run_id}, RUN_JSON)
    return f"{params.train.rounds} trees on {len(train):,} rows in {seconds:.0f} s, run {run_id}"


def train_booster(
    train: xgb.DMatrix, test: xgb.DMatrix, params: TrainParams, advance: Advance
) -> tuple[xgb.Booster, Curve]:
    """Boost, and return the booster with its learning curve.

    Raises:
        InvalidParams: XGBoost does not take the parameters.
    """
    curve: Curve = {}
    booster_params = {"objective": "binary:logistic", "eval_metric": "logloss", **params.booster, "seed": params.seed}
    try:
        booster = xgb.train(
            booster_params | {"nthread": params.threads},
            train,
            params.rounds,
            evals=[(train, "train"), (test, "test")],
            evals_result=curve,
            verbose_eval=False,
            callbacks=[_Progress(advance)],
        )
    except xgb.core.XGBoostError as error:
        raise InvalidParams(f"XGBoost refuses params.yaml, train.booster: {str(error).splitlines()[-1]}") from error
    return booster, curve


def to_matrix(rows: pd.DataFrame, contract: Contract, schema: Schema) -> xgb.DMatrix:
    """Return the rows as XGBoost's own matrix, with names, types and labels."""
    return xgb.DMatrix(
        encode(rows, contract),
        labels(rows, schema),
        feature_names=[feature.name for feature in contract.features],
        feature_types=contract.feature_types,
        enable_categorical=True,
    )


class _Progress(xgb.callback.TrainingCallback):  # type: ignore[misc]  # the library has no types
    """Tell the progress bar of each round."""

    def __init__(self, advance: Advance) -> None:
        self._advance = advance

    def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Any]) -> bool:  # noqa: ARG002
        self._advance(f"test log loss {evals_log['test']['logloss'][-1]:.4f}")
        return False


def _flat(params: Params) -> dict[str, Any]:
    """Every parameter that shapes the model or its verdict, as MLflow shows them: one level, dotted names."""
    nested = params.model_dump(include={"prepare", "train", "evaluate"}, mode="json", exclude_none=True)
    flat: dict[str, Any] = {}
    for stage, block in nested.items():
        for name, value in block.items():
            inner = value if isinstance(value, dict) else {"": value}
            flat |= {f"{stage}.{name}.{key}".rstrip("."): item for key, item in inner.items()}
    return flat


if __name__ == "__main__":
    run_stage("train", main)
