"""Quality on rows with feedback, by the version that predicted them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily

from evaluation.bins import BinCounter
from services.api.metrics.shared import SharedMetrics, Totals

if TYPE_CHECKING:
    from services.api.model.loaded import Model
    from services.api.prediction.feedback import Scored

__all__ = ["FeedbackMetrics"]

VERSIONS = 64
"""Versions that are counted at a time, the newest ones."""


class FeedbackMetrics:
    """Sums, which the recording rules divide.

    Besides the served version there are series of earlier versions that feedback arrives for, which are not known
    before. So there is a table in shared memory: each record has the number of its version (0 for a free record), rows
    by [label][predicted], the log loss, the squared error, and score bins by [label][bin]. The numbers of versions come
    from feedback tokens, which this API signed.
    """

    def __init__(self, shared: SharedMetrics, model: Model) -> None:
        """Add the metrics, with the served version at zero."""
        self._shared, self._labels, self._bins = shared, model.label_names, BinCounter(model.bundle.reference.score)
        number = len(self._labels)
        self._loss = 1 + number * number
        self._score_bins = self._loss + 2
        self._width = self._score_bins + number * len(self._bins.labels)
        self._begin = shared.allocate(VERSIONS * self._width)
        self._served = int(model.version)
        shared.add_family(self._describe)

    def count(self, version: str, scored: Scored) -> None:
        """Count rows of one version with their true labels."""
        number, bins = len(self._labels), len(self._bins.labels)
        with self._shared.lock:
            values = self._shared.values
            record = self._record_of(values, int(version))
            for label in range(number):
                is_label = scored.truth == label
                for predicted in range(number):
                    rows = int((is_label & (scored.predicted == predicted)).sum())
                    values[record + 1 + label * number + predicted] += rows
                for place, rows in self._bins.count(scored.probabilities[is_label]):
                    values[record + self._score_bins + label * bins + place] += rows
            values[record + self._loss] += scored.log_loss
            values[record + self._loss + 1] += scored.squared_error

    def _record_of(self, values: memoryview[float], version: int) -> int:
        """Return where the record of a version begins; if all are in use, that of the oldest version is replaced."""
        records = range(self._begin, self._begin + VERSIONS * self._width, self._width)
        for record in records:
            if values[record] in (version, 0):
                break
        else:
            record = min(records, key=values.__getitem__)
            for cell in range(record, record + self._width):
                values[cell] = 0
        values[record] = version
        return record

    def _sums(self) -> dict[int, list[float]]:
        """Return the numbers of every version, summed over the slots."""
        sums = {self._served: [0.0] * self._width}
        for slot in self._shared.cells_of_slots(self._begin, VERSIONS * self._width).tolist():
            for begin in range(0, len(slot), self._width):
                if version := int(slot[begin]):
                    before = sums.get(version, [0.0] * self._width)
                    found = slot[begin : begin + self._width]
                    sums[version] = [one + other for one, other in zip(before, found, strict=True)]
        return sums

    def _describe(self, _totals: Totals) -> Iterator[Metric]:
        labels, names = self._labels, self._bins.labels
        rows = CounterMetricFamily(
            "espalier_feedback_total",
            "Predicted rows with feedback, by the true and the predicted label.",
            labels=["model_version", "label", "predicted"],
        )
        loss = CounterMetricFamily(
            "espalier_feedback_log_loss_total",
            "Sum of the log losses of rows with feedback, in nats.",
            labels=["model_version"],
        )
        squared = CounterMetricFamily(
            "espalier_feedback_squared_error_total",
            "Sum of the squared errors of the probabilities of rows with feedback.",
            labels=["model_version"],
        )
        scores = CounterMetricFamily(
            "espalier_feedback_score_bin_total",
            "Probabilities of rows with feedback, by bin and true label.",
            labels=["model_version", "bin", "label"],
        )
        for version, values in sorted(self._sums().items()):
            own = str(version)
            loss.add_metric([own], values[self._loss])
            squared.add_metric([own], values[self._loss + 1])
            for index, label in enumerate(labels):
                for other, predicted in enumerate(labels):
                    rows.add_metric([own, label, predicted], values[1 + index * len(labels) + other])
                for place, name in enumerate(names):
                    scores.add_metric([own, name, label], values[self._score_bins + index * len(names) + place])
        yield from (rows, loss, squared, scores)
