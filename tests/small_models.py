"""Small real models of every type of target, on the rows of one orchard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb

from bundle import (
    BinaryScores,
    Bins,
    BundleMetrics,
    Contract,
    MulticlassScores,
    Reference,
    RegressionScores,
    SliceScores,
    Target,
)

__all__ = ["TYPES", "SmallModel", "make_model"]

TYPES = ("binary", "multiclass", "regression", "interval")
"""Interval: regression with an interval."""

CLASSES = ("none", "some", "many")


@dataclass(frozen=True)
class SmallModel:
    contract: Contract
    booster: xgb.Booster
    reference: Reference
    metrics: BundleMetrics

    @property
    def file(self) -> bytes:
        return bytes(self.booster.save_raw("ubj"))


@dataclass(frozen=True)
class _Kind:
    target: Target
    params: dict[str, Any]
    label: Callable[[np.ndarray], np.ndarray]
    """(n,) yields to (n,) labels."""

    score: Bins
    scores: BinaryScores | MulticlassScores | RegressionScores
    label_shares: dict[str, float] | None = None


def make_model(kind: str, contract: Contract, matrix: np.ndarray, reference: Reference) -> SmallModel:
    """Fit the yield of the trees: as two classes, three classes, a number, or a number with an interval."""
    made = KINDS[kind]
    contract = contract.model_copy(update={"target": made.target})
    rows = xgb.DMatrix(
        matrix,
        made.label(_yields(matrix)),
        feature_names=[feature.name for feature in contract.features],
        feature_types=contract.feature_types,
        enable_categorical=True,
    )
    booster = xgb.train({"max_depth": 3, "seed": 1, "nthread": 1, **made.params}, rows, 12)
    slices = (SliceScores(column="kind", value="pear", scores=made.scores),)
    return SmallModel(
        contract,
        booster,
        reference.model_copy(update={"score": made.score, "label_shares": made.label_shares}),
        BundleMetrics(test=made.scores, slices=slices),
    )


def _yields(matrix: np.ndarray) -> np.ndarray:
    return np.nan_to_num(matrix[:, 0]) + 3 * matrix[:, 2] + 2 * matrix[:, 3]


VALUES = Bins(labels=("below 12", "12 and above"), shares=(0.6, 0.4), edges=(12,), natural_psi=0.2)
ERRORS = {"rows": 100, "mse": 4.0, "base_mse": 25.0, "mae": 1.5, "base_mae": 4.0, "rmse": 2.0, "r2": 0.84}

KINDS = {
    "binary": _Kind(
        target=Target(name="bears", classes=("bare", "bearing"), threshold=0.5),
        params={"objective": "binary:logistic"},
        label=lambda yields: (yields > 12).astype(int),
        score=Bins(labels=("below 0.5", "0.5 and above"), shares=(0.6, 0.4), edges=(0.5,), natural_psi=0.2),
        scores=BinaryScores(
            rows=100,
            base_rate=0.4,
            log_loss=0.5,
            base_rate_log_loss=0.67,
            brier=0.2,
            accuracy=0.8,
            calibration_error=0.02,
            roc_auc=0.8,
            pr_auc=0.7,
        ),
        label_shares={"bare": 0.6, "bearing": 0.4},
    ),
    "multiclass": _Kind(
        target=Target(name="fruit", type="multiclass", classes=CLASSES),
        params={"objective": "multi:softprob", "num_class": len(CLASSES)},
        label=lambda yields: np.digitize(yields, [8, 16]),
        score=Bins(labels=CLASSES, shares=(0.3, 0.5, 0.2), natural_psi=0.2),
        scores=MulticlassScores(
            rows=100,
            class_shares=dict(zip(CLASSES, (0.3, 0.5, 0.2), strict=True)),
            log_loss=0.6,
            base_rate_log_loss=1.03,
            brier=0.4,
            accuracy=0.75,
            balanced_accuracy=0.7,
            calibration_error=0.03,
            roc_auc=0.85,
        ),
        label_shares=dict(zip(CLASSES, (0.3, 0.5, 0.2), strict=True)),
    ),
    "regression": _Kind(
        target=Target(name="yield", type="regression", unit="kg"),
        params={"objective": "reg:squarederror"},
        label=lambda yields: yields,
        score=VALUES,
        scores=RegressionScores(**ERRORS),
    ),
    "interval": _Kind(
        target=Target(name="yield", type="regression", unit="kg", interval=0.9),
        params={"objective": "reg:quantileerror", "quantile_alpha": [0.05, 0.5, 0.95]},
        label=lambda yields: yields,
        score=VALUES,
        scores=RegressionScores(**ERRORS, pinball_loss=0.5, base_pinball_loss=1.2, coverage=0.88, interval_width=6.0),
    ),
}
