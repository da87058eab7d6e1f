"""The counters of the workers. Their names are the contract with alerts/ and dashboards/.

All label values are known before the workers are forked, so every counter is zero from the first scrape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry

from evaluation.bins import SMALL_BATCH_ROWS, DriftCounter
from services.api.metrics.feedback import FeedbackMetrics
from services.api.metrics.model import describe_model
from services.api.metrics.shared import SharedMetrics
from services.api.prediction.validation import ROW_REASONS

if TYPE_CHECKING:
    from services.api.model.loaded import Model
    from services.api.prediction.targets.target import Predicted, ServedTarget

__all__ = ["AUTH_FAILURES", "CONNECTION_REFUSALS", "REJECTIONS", "ApiMetrics"]

AUTH_FAILURES = (
    "invalid_credentials",
    "invalid_token",
    "invalid_refresh_token",
    "invalid_reset_code",
    "insufficient_scope",
    "too_many_logins",
)
CONNECTION_REFUSALS = (
    "malformed_request",
    "head_too_large",
    "head_too_slow",
    "too_many_connections",
    "too_many_connections_of_client",
)
REJECTIONS = (
    "malformed_body",
    "body_too_large",
    "body_too_slow",
    "body_cut_short",
    "too_many_rows",
    "unsupported_media_type",
    "quota_exceeded",
    *ROW_REASONS,
)
OVERLOADED_QUEUES = ("event_loop", "batches")
PREDICT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class ApiMetrics:
    """The metrics of one worker."""

    def __init__(self, shared: SharedMetrics, registry: CollectorRegistry, model: Model, target: ServedTarget) -> None:
        """Create every series in shared memory, and register the constant ones."""
        self.shared = shared
        self._version, self.target = model.version, target
        self._drift = DriftCounter(model.bundle.contract, model.bundle.reference)
        self.predict_seconds = shared.histogram(
            "espalier_predict_seconds", "Time to predict the rows of one request.", PREDICT_SECONDS
        ).labels()
        self.requests_in_progress = shared.gauge("espalier_requests_in_progress", "Requests in progress.")
        self.workers = shared.gauge("espalier_workers", "Workers that serve.")
        self._count_predictions(shared)
        self._count_refusals(shared)
        self._count_explanations(shared)
        self.feedback = FeedbackMetrics(shared, target, served=model.version)
        describe_model(registry, model)

    def _count_predictions(self, shared: SharedMetrics) -> None:
        predictions = shared.counter("espalier_predictions_total", "Rows predicted.", ["model_version", "label"])
        labels = self.target.classes or ("",)
        self._label_begin, *_ = (predictions.labels(self._version, label).cell for label in labels)
        features = shared.counter(
            "espalier_feature_bin_total", "Values of the predicted rows, by bin.", ["model_version", "feature", "bin"]
        )
        # The cells of all bins follow each other, in the order of the DriftCounter.
        cells = [
            features.labels(self._version, name, label).cell
            for name, column in self._drift.features.items()
            for label in column.labels
        ]
        scores = shared.counter("espalier_score_bin_total", "Predicted scores, by bin.", ["model_version", "bin"])
        self._score_begin, *_ = (scores.labels(self._version, label).cell for label in self._drift.score.labels)
        self._feature_begin, self._feature_end = cells[0], cells[-1] + 1

    def _count_refusals(self, shared: SharedMetrics) -> None:
        by = ["reason"]
        failures = shared.counter("espalier_auth_failures_total", "Refused logins and tokens, by reason.", by)
        rejected = shared.counter("espalier_rejected_requests_total", "Refused prediction requests, by reason.", by)
        connections = shared.counter(
            "espalier_connections_refused_total", "Connections refused before a complete request, by reason.", by
        )
        overload = shared.counter(
            "espalier_overload_refusals_total",
            "Predictions refused because the worker was overloaded: few rows (event_loop), many rows (batches).",
            ["queue"],
        )
        self.overload_refusals = {queue: overload.labels(queue) for queue in OVERLOADED_QUEUES}
        self._auth_failures = {reason: failures.labels(reason) for reason in AUTH_FAILURES}
        self._rejected = {reason: rejected.labels(reason) for reason in REJECTIONS}
        self._refused_connections = {reason: connections.labels(reason) for reason in CONNECTION_REFUSALS}

    def _count_explanations(self, shared: SharedMetrics) -> None:
        self._explained = shared.counter("espalier_explained_rows_total", "Rows with an explanation.").labels()
        sums = shared.counter(
            "espalier_shap_abs_sum_total",
            "Sum of the absolute SHAP values of explained rows, in log-odds or the unit of the target.",
            ["feature"],
        )
        self._contributions = [sums.labels(name) for name in self._drift.features]

    def count_auth_failure(self, reason: str) -> None:
        """Count a refused login or token."""
        self._auth_failures[reason].inc()

    def count_rejection(self, reason: str) -> None:
        """Count a refused prediction request."""
        self._rejected[reason].inc()

    def count_refused_connection(self, reason: str) -> None:
        """Count a connection that was refused before a complete request."""
        self._refused_connections[reason].inc()

    def count_predictions(self, predicted: Predicted) -> None:
        """Count the values of the rows and their scores into their bins, and the predicted labels."""
        if len(predicted.matrix) <= SMALL_BATCH_ROWS:
            self._count_row_by_row(predicted)
            return
        counts, scores = self._drift.count(predicted.matrix), self._drift.score.count(predicted.scores)
        with self.shared.lock:
            values = self.shared.values
            np.asarray(values[self._feature_begin : self._feature_end])[:] += counts
            for place, number in scores:
                values[self._score_begin + place] += number
            self.target.count_labels(predicted, values, self._label_begin)

    def _count_row_by_row(self, predicted: Predicted) -> None:
        drift, begin = self._drift, self._feature_begin
        rows, scores = predicted.matrix.tolist(), predicted.scores.tolist()
        with self.shared.lock:
            values = self.shared.values
            for row, score in zip(rows, scores, strict=True):
                drift.add_row(row, values, begin)
                values[self._score_begin + drift.score.place(score)] += 1
            self.target.count_labels(predicted, values, self._label_begin)

    def count_contributions(self, contributions: npt.NDArray[np.float32]) -> None:
        """Count the SHAP values of n rows, as in ``Predicted``."""
        self._explained.inc(len(contributions))
        for child, value in zip(self._contributions, self.target.shap_sums(contributions), strict=True):
            child.inc(value)
