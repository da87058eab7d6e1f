"""Scores of a set of predictions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import accuracy_score, average_precision_score, brier_score_loss, log_loss, roc_auc_score

from bundle import BinaryScores, SliceScores
from pipelines.config.params import EvaluateParams
from pipelines.config.schema import Schema

__all__ = ["calibration_bins", "calibration_error", "score", "score_slices", "slice_places"]

Labels = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float32]

TIME_FORMATS = {"month": "M", "quarter": "Q"}


def score(truth: Labels, probabilities: Floats, *, threshold: float) -> BinaryScores:
    """Score (n,) probabilities against (n,) labels."""
    likely = probabilities.astype(np.float64)
    base_rate = float(truth.mean())
    both = 0 < base_rate < 1
    return BinaryScores(
        rows=len(truth),
        base_rate=base_rate,
        log_loss=float(log_loss(truth, likely, labels=[0, 1])),
        base_rate_log_loss=float(log_loss(truth, np.full(len(truth), base_rate))) if both else 0.0,
        brier=float(brier_score_loss(truth, likely)),
        accuracy=float(accuracy_score(truth, likely >= threshold)),
        calibration_error=calibration_error(truth, likely),
        roc_auc=float(roc_auc_score(truth, likely)) if both else None,
        pr_auc=float(average_precision_score(truth, likely)) if both else None,
    )


def calibration_error(truth: Labels, probabilities: npt.NDArray[np.float64], bins: int = 10) -> float:
    """Return the mean difference between predicted and observed share, over equal-width bins, weighted by rows.

    Source: Naeini, Cooper, Hauskrecht, Obtaining Well Calibrated Probabilities Using Bayesian Binning, AAAI 2015.
    """
    predicted, observed, _rows = calibration_bins(truth, probabilities, bins)
    return float(np.abs(predicted - observed).sum() / len(truth))


def calibration_bins(
    truth: Labels, probabilities: npt.NDArray[np.float64], bins: int = 10
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return the sums of probabilities and of labels, and the number of rows, of each equal-width bin: (bins,) each."""
    places = np.minimum((probabilities * bins).astype(int), bins - 1)
    predicted = np.bincount(places, weights=probabilities, minlength=bins)
    observed = np.bincount(places, weights=truth, minlength=bins)
    rows = np.bincount(places, minlength=bins)
    return predicted.astype(np.float64), observed.astype(np.float64), rows.astype(np.int64)


def score_slices(
    rows: pd.DataFrame, truth: Labels, probabilities: Floats, *, schema: Schema, params: EvaluateParams
) -> tuple[SliceScores, ...]:
    """Score every slice."""
    return tuple(
        SliceScores(
            column=name, value=value, scores=score(truth[places], probabilities[places], threshold=params.threshold)
        )
        for name, value, places in slice_places(rows, schema=schema, params=params)
    )


def slice_places(
    rows: pd.DataFrame, *, schema: Schema, params: EvaluateParams
) -> Iterator[tuple[str, str, npt.NDArray[np.int64]]]:
    """Yield every value of every slice column, and every month or quarter, that has enough rows, with their places."""
    columns = {name: rows[name].astype(str) for name in params.slices}
    if params.time_slice != "none":
        columns[params.time_slice] = rows[schema.time.name].dt.to_period(TIME_FORMATS[params.time_slice]).astype(str)
    for name, values in columns.items():
        for value, places in values.groupby(values).indices.items():
            if len(places) >= params.min_slice_rows:
                yield name, str(value), np.asarray(places, dtype=np.int64)
