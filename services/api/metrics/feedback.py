"""Quality on rows with feedback, by the version that predicted them."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily

from services.api.metrics.shared import SharedMetrics, Totals
from services.api.prediction.feedback import Counts
from services.api.prediction.targets.target import ServedTarget

__all__ = ["FeedbackMetrics"]

VERSIONS = 64
"""Versions that are counted at a time, the newest ones."""

MIN_VERSIONS = 2
CELLS = 2**15
"""Numbers that all versions may have: with many classes, and a number for each pair of them, there are fewer versions.
"""


class FeedbackMetrics:
    """Sums, which the recording rules divide. What they are the target says.

    Besides the served version there are series of earlier versions that feedback arrives for, which are not known
    before. So there is a table in shared memory: each record has the number of its version (0 for a free record), and
    the counts of ``feedback_series``. The numbers of versions come from feedback tokens, which this API signed.
    """

    def __init__(self, shared: SharedMetrics, target: ServedTarget, *, served: str) -> None:
        """Add the metrics, with the served version at zero."""
        self._shared, self._series, self._served = shared, target.feedback_series, int(served)
        self._width = 1 + sum(len(series.values) for series in self._series)
        self._cells = max(MIN_VERSIONS, min(VERSIONS, CELLS // self._width)) * self._width
        self._begin = shared.allocate(self._cells)
        shared.add_family(self._describe)

    def count(self, version: str, counts: Counts) -> None:
        """Add what rows of one version add to the counters."""
        with self._shared.lock:
            values = self._shared.values
            record = self._record_of(values, int(version))
            for place, count in enumerate(counts.tolist(), record + 1):
                values[place] += count

    def _record_of(self, values: memoryview[float], version: int) -> int:
        """Return where the record of a version begins; if all are in use, that of the oldest version is replaced."""
        records = range(self._begin, self._begin + self._cells, self._width)
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
        for slot in self._shared.cells_of_slots(self._begin, self._cells).tolist():
            for begin in range(0, len(slot), self._width):
                if version := int(slot[begin]):
                    before = sums.get(version, [0.0] * self._width)
                    found = slot[begin : begin + self._width]
                    sums[version] = [one + other for one, other in zip(before, found, strict=True)]
        return sums

    def _describe(self, _totals: Totals) -> Iterator[Metric]:
        sums, place = sorted(self._sums().items()), 1
        for series in self._series:
            family = CounterMetricFamily(series.name, series.text, labels=["model_version", *series.labels])
            for version, values in sums:
                for labels, value in zip(series.values, values[place:], strict=False):
                    family.add_metric([str(version), *labels], value)
            place += len(series.values)
            yield family
