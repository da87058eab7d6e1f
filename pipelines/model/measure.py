"""Predict rows and score the predictions: used by ``evaluate``, and again by the gate."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import xgboost as xgb

from bundle import BundleMetrics, Contract, DecisionCosts
from pipelines.config.params import Costs
from pipelines.dataset.rows import Rows
from pipelines.dataset.trained_rows import Training
from pipelines.model.matrix import encode, labels_of
from pipelines.model.scores import score_slices
from pipelines.progress import shown
from pipelines.targets.costs import decision_costs
from pipelines.targets.project import Project
from pipelines.targets.task import Truth

__all__ = ["measure", "predict", "predict_pieces", "predict_rows"]


def predict(booster: xgb.Booster, matrix: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the outputs of the model, (n,) or (n, outputs), with the same call as the API."""
    return np.asarray(booster.inplace_predict(matrix, validate_features=False), dtype=np.float32)


def predict_pieces(
    booster: xgb.Booster, rows: Rows, contract: Contract, *, title: str
) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the outputs of the model for each piece of the rows.

    Args:
        title: of the progress bar.
    """
    for piece in shown(rows.pieces([feature.name for feature in contract.features]), title, len(rows)):
        yield predict(booster, encode(piece, contract))


def predict_rows(booster: xgb.Booster, rows: Rows, contract: Contract, *, title: str) -> npt.NDArray[np.float32]:
    """Return the outputs of the model for all rows, (n,) or (n, outputs): four bytes for each number are in memory."""
    count, start = contract.target.outputs, 0
    outputs = np.empty((len(rows), count) if count > 1 else len(rows), dtype=np.float32)
    for piece in predict_pieces(booster, rows, contract, title=title):
        outputs[start : start + len(piece)] = piece
        start += len(piece)
    return outputs


def measure(
    rows: Rows,
    outputs: npt.NDArray[np.float32],
    project: Project,
    training: Training | None = None,
) -> BundleMetrics:
    """Score the model's outputs for rows, overall and per slice, and how it was trained, if known.

    Memory: for each row its true value, the outputs as 64-bit numbers a few times while they are sorted and summed, and
    one column, that of the slices.
    """
    truth = labels_of(rows, project.task)
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
