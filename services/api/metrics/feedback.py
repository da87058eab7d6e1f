"""Quality on rows with feedback, by the version that predicted them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter

from services.api.metrics.bins import BinCounter

if TYPE_CHECKING:
    from services.api.model.loaded import Model
    from services.api.prediction.feedback import Scored

__all__ = ["FeedbackMetrics"]


@dataclass(frozen=True)
class _OfVersion:
    """The series of one version: rows by [label][predicted], score bins by [label][bin]."""

    rows: list[list[Counter]]
    log_loss: Counter
    squared_error: Counter
    score_bins: list[list[Counter]]


class FeedbackMetrics:
    """Sums, which the recording rules divide.

    Besides the served version there are series of earlier versions that feedback arrives for. Their names come from
    feedback tokens, which this API signed.
    """

    def __init__(self, registry: CollectorRegistry, model: Model) -> None:
        """Register every metric, with the served version at zero."""
        self._rows = Counter(
            "espalier_feedback_total",
            "Predicted rows with feedback, by the true and the predicted label.",
            ["model_version", "label", "predicted"],
            registry=registry,
        )
        self._log_loss = Counter(
            "espalier_feedback_log_loss_total",
            "Sum of the log losses of rows with feedback, in nats.",
            ["model_version"],
            registry=registry,
        )
        self._squared_error = Counter(
            "espalier_feedback_squared_error_total",
            "Sum of the squared errors of the probabilities of rows with feedback.",
            ["model_version"],
            registry=registry,
        )
        self._score_bins = Counter(
            "espalier_feedback_score_bin_total",
            "Probabilities of rows with feedback, by bin and true label.",
            ["model_version", "bin", "label"],
            registry=registry,
        )
        self._labels, self._bins = model.label_names, BinCounter(model.bundle.reference.score)
        self._versions: dict[str, _OfVersion] = {}
        self._of(model.version)

    def count(self, version: str, scored: Scored) -> None:
        """Count rows of one version with their true labels."""
        series = self._of(version)
        for label, of_predicted in enumerate(series.rows):
            is_label = scored.truth == label
            for predicted, rows in enumerate(of_predicted):
                rows.inc(int((is_label & (scored.predicted == predicted)).sum()))
            for place, number in self._bins.count(scored.probabilities[is_label]):
                series.score_bins[label][place].inc(number)
        series.log_loss.inc(scored.log_loss)
        series.squared_error.inc(scored.squared_error)

    def _of(self, version: str) -> _OfVersion:
        if version not in self._versions:
            self._versions[version] = _OfVersion(
                rows=[
                    [self._rows.labels(version, label, predicted) for predicted in self._labels]
                    for label in self._labels
                ],
                log_loss=self._log_loss.labels(version),
                squared_error=self._squared_error.labels(version),
                score_bins=[
                    [self._score_bins.labels(version, name, label) for name in self._bins.labels]
                    for label in self._labels
                ],
            )
        return self._versions[version]
