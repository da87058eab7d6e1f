"""Boost on a Dask cluster what ``boosting`` and ``early_stopping`` boost in this process (``train.engine: dask``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from bundle import Contract
from pipelines.config.schema import Schema
from pipelines.config.settings import Settings
from pipelines.config.train_params import EarlyStopping, TrainParams
from pipelines.dask_engine.attempts import train_on_cluster
from pipelines.dask_engine.pieces import Boosted, Piece, Plan, Stop
from pipelines.dask_engine.pieces import Rows as Sent
from pipelines.dataset.rows import Rows
from pipelines.dataset.trained_rows import describe_rows
from pipelines.dataset.validation_rows import hold_out
from pipelines.model.boosting import Curve, Fit, boost, booster_params, curve_rounds, weights_of
from pipelines.model.early_stopping import Search, search_of
from pipelines.model.encoded_pieces import EncodedPieces
from pipelines.model.training_matrix import rejecting_parameters
from pipelines.progress import Advance
from pipelines.targets.class_weights import Weights
from pipelines.targets.of_type import task_of
from pipelines.targets.project import Project

__all__ = ["find_rounds_on_cluster", "margins_of", "train_on_workers"]

Floats = npt.NDArray[np.float64]


def train_on_workers(
    rows: Rows,
    contract: Contract,
    project: Project,
    advance: Advance,
    settings: Settings,
    *,
    watched: Rows | None = None,
) -> Fit:
    """Do what ``train_booster`` does, on the workers.

    XGBoost measures both sets of rows after every round there, and not after every tenth.

    Raises:
        InvalidParams: XGBoost rejects the parameters, or settings of the cluster are wrong.
        Unreachable, ClusterLost: the cluster fails.
    """
    schema, params = project.schema, project.params.train
    _check_parameters(contract, schema, params)
    weights = weights_of(rows, contract, params)
    sets = [_sent("train", rows, contract, weights)]
    if watched is not None:
        sets.append(_sent("test", watched, contract, weights))
    metric, shown = task_of(contract.target).curve
    heard = _Heard(advance, metric, shown, "test")
    boosted = train_on_cluster(settings, sets, _plan(contract, schema, params), heard)
    heard.finish(params.rounds)
    return Fit(_booster(boosted), describe_rows(rows, schema), _curve(boosted, metric, params.rounds))


def find_rounds_on_cluster(
    train: Rows, contract: Contract, project: Project, window: EarlyStopping, advance: Advance, settings: Settings
) -> tuple[Search, Rows]:
    """Do what ``divide`` and ``find_rounds`` do, on the workers; also return the validation rows.

    Raises:
        InvalidData: the training rows cannot be divided in this way.
        InvalidParams: XGBoost rejects the parameters, or settings of the cluster are wrong.
        Unreachable, ClusterLost: the cluster fails.
    """
    params = project.params.train
    _check_parameters(contract, project.schema, params)
    rows, validation = hold_out(train, project, window)
    weights = weights_of(rows, contract, params)
    sets = [_sent("train", rows, contract, weights), _sent("validation", validation, contract, weights)]
    metric, shown = project.task.curve
    stop = Stop(window.rounds, metric, "validation")
    heard = _Heard(advance, metric, shown, "validation")
    boosted = train_on_cluster(settings, sets, _plan(contract, project.schema, params, stop), heard)
    values = boosted.history["validation"][metric]
    return search_of(_booster(boosted), values, project, len(validation)), validation


def margins_of(booster: xgb.Booster, rounds: int, rows: Rows, contract: Contract) -> tuple[Floats, Floats]:
    """Return (n,) margins of the first rounds and (n,) true values, piece by piece."""
    margins, truths = [np.empty(0)], [np.empty(0)]
    for matrix, truth in EncodedPieces(rows, contract, None, title="predicting validation rows"):
        found = booster.inplace_predict(
            matrix, predict_type="margin", iteration_range=(0, rounds), validate_features=False
        )
        margins.append(np.asarray(found, dtype=np.float64))
        truths.append(truth.astype(np.float64))
    return np.concatenate(margins), np.concatenate(truths)


def _sent(name: str, rows: Rows, contract: Contract, weights: Weights | None) -> Sent:
    def pieces() -> Iterator[Piece]:
        for matrix, truth in EncodedPieces(rows, contract, None, title="sending rows to the workers"):
            yield Piece(matrix, truth, None if weights is None else weights[truth])

    return Sent(name, len(rows), pieces)


def _plan(contract: Contract, schema: Schema, params: TrainParams, stop: Stop | None = None) -> Plan:
    names = [feature.name for feature in contract.features]
    return Plan(booster_params(contract, schema, params), params.rounds, names, list(contract.feature_types), stop)


def _check_parameters(contract: Contract, schema: Schema, params: TrainParams) -> None:
    """Have XGBoost judge the parameters here, in one round on a few made rows, before rows are sent anywhere."""
    with rejecting_parameters():
        matrix = xgb.QuantileDMatrix(
            np.zeros((4, len(contract.features)), dtype=np.float32),
            np.array([0, 1, 0, 1]),
            feature_names=[feature.name for feature in contract.features],
            feature_types=contract.feature_types,
            max_bin=params.booster.get("max_bin"),
            enable_categorical=True,
        )
    boost(matrix, contract, schema, params.model_copy(update={"rounds": 1}), callbacks=[])


def _booster(boosted: Boosted) -> xgb.Booster:
    booster = xgb.Booster()
    booster.load_model(bytearray(boosted.model))
    return booster


def _curve(boosted: Boosted, metric: str, rounds: int) -> Curve:
    kept = curve_rounds(rounds)
    return {
        name: {round_: float(value) for round_, value in enumerate(of[metric]) if round_ in kept}
        for name, of in boosted.history.items()
    }


class _Heard:
    """Advances a progress bar by what the workers report; after a lost worker they begin again from 0."""

    def __init__(self, advance: Advance, metric: str, shown: str, name: str) -> None:
        self._advance, self._metric, self._shown, self._name = advance, metric, shown, name
        self._rounds = 0

    def __call__(self, round_: int, values: dict[str, dict[str, float]]) -> None:
        if round_ < self._rounds:
            return
        self._rounds = round_ + 1
        found: Any = values.get(self._name, {}).get(self._metric)
        self._advance("" if found is None else f"{self._name} {self._shown} {found:.4f}")

    def finish(self, rounds: int) -> None:
        """Advance by the rounds whose reports are still on the way."""
        for _ in range(self._rounds, rounds):
            self._advance()
