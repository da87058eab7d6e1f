"""Predict and count, for every route that predicts."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from services.api.http.dependencies import Services
from services.api.prediction.predict import Predicted, predict_matrix

__all__ = ["predict_and_count"]


def predict_and_count(services: Services, matrix: npt.NDArray[np.float32], *, explain: bool) -> Predicted:
    """Predict (n, features) rows, and count values and labels in the same thread: many rows take time there too."""
    metrics = services.metrics
    started = time.perf_counter()
    predicted = predict_matrix(services.model, matrix, explain=explain)
    metrics.predict_seconds.observe(time.perf_counter() - started)
    metrics.count_predictions(predicted.matrix, predicted.probabilities, int(np.count_nonzero(predicted.positive)))
    if predicted.contributions is not None:
        metrics.count_contributions(predicted.contributions)
    return predicted
