"""The counters of the workers. Their names are the contract with alerts/ and dashboards/.

All label values are known when a worker starts, so every counter is zero from the first scrape. Counters are shared
through files (PROMETHEUS_MULTIPROC_DIR), so they are exact with several workers and survive the exit of a worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.api.metrics.bins import DriftCounter
from services.api.metrics.feedback import FeedbackMetrics
from services.api.metrics.model import describe_model
from services.api.prediction.validation import ROW_REASONS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from services.api.model.loaded import Model

__all__ = ["AUTH_FAILURES", "CONNECTION_REFUSALS", "REJECTIONS", "ApiMetrics"]

AUTH_FAILURES = ("invalid_credentials", "invalid_token", "insufficient_scope", "too_many_logins")
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
    *ROW_REASONS,
)
PREDICT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class ApiMetrics:
    """The metrics of one worker."""

    def __init__(self, registry: CollectorRegistry, model: Model) -> None:
        """Register every metric and set the constant ones."""
        self.registry = registry
        self._predictions = Counter(
            "espalier_predictions_total", "Rows predicted.", ["model_version", "label"], registry=registry
        )
        self.predict_seconds = Histogram(
            "espalier_predict_seconds",
            "Time to encode and predict the rows of one request.",
            buckets=PREDICT_SECONDS,
            registry=registry,
        )
        self._auth_failures = Counter(
            "espalier_auth_failures_total", "Refused logins and tokens, by reason.", ["reason"], registry=registry
        )
        self._rejected = Counter(
            "espalier_rejected_requests_total", "Refused prediction requests, by reason.", ["reason"], registry=registry
        )
        self._refused_connections = Counter(
            "espalier_connections_refused_total",
            "Connections refused before a complete request, by reason.",
            ["reason"],
            registry=registry,
        )
        self._feature_bins = Counter(
            "espalier_feature_bin_total",
            "Values of the predicted rows, by bin.",
            ["model_version", "feature", "bin"],
            registry=registry,
        )
        self._score_bins = Counter(
            "espalier_score_bin_total", "Predicted probabilities, by bin.", ["model_version", "bin"], registry=registry
        )
        self.requests_in_progress = Gauge(
            "espalier_requests_in_progress", "Requests in progress.", registry=registry, multiprocess_mode="livesum"
        )
        # 1 from each worker that has loaded its model; the parent removes that of an exited worker.
        Gauge("espalier_workers", "Workers that serve.", registry=registry, multiprocess_mode="livesum").set(1)
        self._explained = Counter("espalier_explained_rows_total", "Rows with an explanation.", registry=registry)
        self._contributions = Counter(
            "espalier_shap_abs_sum_total",
            "Sum of the absolute SHAP values of explained rows, in log-odds.",
            ["feature"],
            registry=registry,
        )
        self.feedback = FeedbackMetrics(registry, model)
        self._labels = model.label_names
        self._version = model.version
        self._drift = DriftCounter(model.bundle.contract, model.bundle.reference)
        self._columns = list(self._drift.features.values())
        self._start_at_zero()
        describe_model(registry, model)

    def count_auth_failure(self, reason: str) -> None:
        """Count a refused login or token."""
        self._auth_failures.labels(reason).inc()

    def count_rejection(self, reason: str) -> None:
        """Count a refused prediction request."""
        self._rejected.labels(reason).inc()

    def count_refused_connection(self, reason: str) -> None:
        """Count a connection that was refused before a complete request."""
        self._refused_connections.labels(reason).inc()

    def count_predictions(
        self, matrix: npt.NDArray[np.float32], probabilities: npt.NDArray[np.float32], positives: int
    ) -> None:
        """Count (n, features) values and (n,) probabilities into their bins, and the predicted labels."""
        self._negative.inc(len(probabilities) - positives)
        self._positive.inc(positives)
        for column, children, values in zip(self._columns, self._feature_children, matrix.T, strict=True):
            for place, number in column.count(values):
                children[place].inc(number)
        for place, number in self._drift.score.count(probabilities):
            self._score_children[place].inc(number)

    def count_contributions(self, contributions: npt.NDArray[np.float32]) -> None:
        """Count (n, features + 1) SHAP values, of which the last column is the base value."""
        self._explained.inc(len(contributions))
        sums = abs(contributions[:, :-1]).sum(axis=0, dtype="float64").tolist()
        for child, value in zip(self._contribution_children, sums, strict=True):
            child.inc(value)

    def _start_at_zero(self) -> None:
        for reason in AUTH_FAILURES:
            self._auth_failures.labels(reason)
        for reason in REJECTIONS:
            self._rejected.labels(reason)
        for reason in CONNECTION_REFUSALS:
            self._refused_connections.labels(reason)
        self._negative, self._positive = (self._predictions.labels(self._version, label) for label in self._labels)
        # Looking up a child by its labels costs more than counting, so it is done once.
        self._feature_children = [
            [self._feature_bins.labels(self._version, name, label) for label in column.labels]
            for name, column in self._drift.features.items()
        ]
        self._contribution_children = [self._contributions.labels(name) for name in self._drift.features]
        self._score_children = [self._score_bins.labels(self._version, label) for label in self._drift.score.labels]
