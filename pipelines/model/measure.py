"""Predict rows and score the predictions: used by ``evaluate``, and again by the gate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import xgboost as xgb

from bundle import BundleMetrics
from pipelines.config.params import EvaluateParams
from pipelines.config.schema import Schema
from pipelines.model.matrix import labels
from pipelines.model.scores import score, score_slices

__all__ = ["measure", "predict"]


def predict(booster: xgb.Booster, matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return (n,) probabilities of the positive class, with the same call as the API."""
    return np.asarray(booster.inplace_predict(matrix, validate_features=False), dtype=np.float32)


def measure(
    rows: pd.DataFrame,
    probabilities: npt.NDArray[np.float32],
    schema: Schema,
    params: EvaluateParams,
    *,
    final_fit: bool = False,
) -> BundleMetrics:
    """Score (n,) probabilities of (n, k) rows, overall and per slice."""
    truth = labels(rows, schema)
    return BundleMetrics(
        test=score(truth, probabilities, threshold=params.threshold),
        slices=score_slices(rows, truth, probabilities, schema=schema, params=params),
        final_fit=final_fit,
    )
