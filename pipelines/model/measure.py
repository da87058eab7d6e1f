"""Predict rows and score the predictions: used by ``evaluate``, and again by the gate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import xgboost as xgb

from bundle import BundleMetrics, DecisionCosts
from pipelines.config.params import Costs
from pipelines.dataset.trained_rows import Training
from pipelines.model.matrix import labels
from pipelines.model.scores import score_slices
from pipelines.targets.costs import decision_costs
from pipelines.targets.project import Project
from pipelines.targets.task import Truth

__all__ = ["measure", "predict"]


def predict(booster: xgb.Booster, matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the outputs of the model, (n,) or (n, outputs), with the same call as the API."""
    return np.asarray(booster.inplace_predict(matrix, validate_features=False), dtype=np.float32)


def measure(
    rows: pd.DataFrame,
    outputs: npt.NDArray[np.float32],
    project: Project,
    training: Training | None = None,
) -> BundleMetrics:
    """Score the model's outputs for (n, k) rows, overall and per slice, and how it was trained, if known."""
    truth = labels(rows, project.task)
    return BundleMetrics(
        test=project.task.score(truth, outputs),
        slices=score_slices(rows, truth, outputs, project),
        final_fit=training is not None and training.final_fit,
        early_stopping=training and training.early_stopping,
        calibration=training and training.calibration,
        costs=_costs(truth, outputs, project),
    )


def _costs(truth: Truth, outputs: npt.NDArray[np.float32], project: Project) -> DecisionCosts | None:
    stated, threshold = project.params.evaluate.threshold, project.target.threshold
    if not isinstance(stated, Costs) or threshold is None:
        return None
    return decision_costs(truth, outputs, threshold, stated)
