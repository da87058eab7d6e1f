"""Predict and count predictions and refusals, for every route that predicts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import numpy as np
import numpy.typing as npt

from services.api.errors import InvalidRequest
from services.api.http.dependencies import Services
from services.api.prediction.predict import predict_matrix, predict_untraced
from services.api.prediction.targets.target import Predicted

__all__ = ["charged", "counted_refusals", "predict_and_count"]


@contextmanager
def counted_refusals(services: Services, user: str) -> Iterator[None]:
    """Count a refusal of the body, once for each kind of problem in it, and charge the user's quota for it."""
    try:
        yield
    except InvalidRequest as error:
        for reason in {problem.reason for problem in error.problems} or {error.reason}:
            services.metrics.count_rejection(reason)
        if services.rate_limit is not None:
            services.rate_limit.charge_refused_body(user)
        raise


def charged(services: Services, user: str, rows: int) -> AbstractContextManager[None]:
    """Take the rows of a request from the user's quota, and return them if the request fails.

    Raises, when entered:
        QuotaExceeded, TooManyRows
    """
    return nullcontext() if services.rate_limit is None else services.rate_limit.charged(user, rows)


def predict_and_count(
    services: Services, matrix: npt.NDArray[np.float32], *, explain: bool, may_trace: bool = True
) -> Predicted:
    """Predict (n, features) rows, and count values and labels in the same thread: many rows take time there too."""
    metrics, predict = services.metrics, predict_matrix if may_trace else predict_untraced
    started = time.perf_counter()
    predicted = predict(services.model, services.target, matrix, explain=explain)
    metrics.predict_seconds.observe(time.perf_counter() - started)
    metrics.count_predictions(predicted)
    if predicted.contributions is not None:
        metrics.count_contributions(predicted.contributions)
    return predicted
