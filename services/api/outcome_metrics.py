"""Quality on rows whose truth has become known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter

from services.api.drift import BinCounter

if TYPE_CHECKING:
    from services.api.model import Model
    from services.api.outcomes import Scored

__all__ = ["OutcomeMetrics"]


class OutcomeMetrics:
    """Sums; what is divided by what is for the rules to say."""

    def __init__(self, registry: CollectorRegistry, model: Model) -> None:
        """Register everything, at zero."""
        rows = Counter(
            "espalier_outcomes_total",
            "Labelled rows sent back, by the true and the predicted label.",
            ["model_version", "label", "predicted"],
            registry=registry,
        )
        log_loss = Counter(
            "espalier_outcome_log_loss_total",
            "Sum of the log losses of labelled rows, in nats.",
            ["model_version"],
            registry=registry,
        )
        squared_error = Counter(
            "espalier_outcome_squared_error_total",
            "Sum of the squared errors of labelled rows' probabilities.",
            ["model_version"],
            registry=registry,
        )
        score_bins = Counter(
            "espalier_outcome_score_bin_total",
            "Probabilities of labelled rows, by bin and true label.",
            ["model_version", "bin", "label"],
            registry=registry,
        )
        version, labels = model.version, model.label_names
        self._bins = BinCounter(model.bundle.reference.score)
        self._rows = [[rows.labels(version, label, predicted) for predicted in labels] for label in labels]
        self._log_loss, self._squared_error = log_loss.labels(version), squared_error.labels(version)
        self._score_bins = [[score_bins.labels(version, name, label) for name in self._bins.labels] for label in labels]

    def count(self, scored: Scored) -> None:
        """Count what came of some rows."""
        for label, of_predicted in enumerate(self._rows):
            is_label = scored.truth == label
            for predicted, rows in enumerate(of_predicted):
                rows.inc(int((is_label & (scored.predicted == predicted)).sum()))
            for place, number in self._bins.count(scored.probabilities[is_label]):
                self._score_bins[label][place].inc(number)
        self._log_loss.inc(scored.log_loss)
        self._squared_error.inc(scored.squared_error)
