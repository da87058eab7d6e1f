"""Counters, gauges and histograms of all workers, in one array of shared memory.

The parent creates the array and every series before it forks. Each worker adds to a slot of its own, so no two
processes write to the same place, and a scrape sums the slots. A worker that replaces an exited one continues in its
slot: nothing that was counted is lost, not even through kill -9, and no exit costs memory.
"""

from __future__ import annotations

import mmap
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
from prometheus_client import Metric
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from services.api.errors import StartupFailed

__all__ = ["Counter", "Gauge", "Histogram", "SharedMetrics", "Totals"]

SLOTS = 130
"""Twice the maximum of workers, for a reload, and some. Memory of a slot that is never used is never allocated."""

CELLS = 2**16
"""Numbers in one slot, 512 KiB."""

T = TypeVar("T")
Labels = tuple[str, ...]
Totals = npt.NDArray[np.float64]
"""(CELLS,) sums over the slots."""


class SharedMetrics(Collector):
    """The array and the series in it."""

    def __init__(self) -> None:
        """Reserve the memory, and use the first slot."""
        self._memory = mmap.mmap(-1, SLOTS * CELLS * 8)
        self._array = np.frombuffer(self._memory, dtype=np.float64).reshape(SLOTS, CELLS)
        self._used, self._seen_slots = 0, 1
        self._taken: set[int] = set()
        self._families: list[Callable[[Totals], Iterator[Metric]]] = []
        self._gauges: list[int] = []
        self.lock = threading.Lock()
        """Between the threads of a process: hold it to change ``values``."""
        self.values = self._slot(0)
        """The slot of this process: CELLS numbers."""

    # --- the parent ---

    def take_slot(self) -> int:
        """Return a free slot for a worker that will be forked."""
        slot = next(slot for slot in range(SLOTS) if slot not in self._taken)
        self._taken.add(slot)
        self._seen_slots = max(self._seen_slots, slot + 1)
        return slot

    def release_slot(self, slot: int) -> None:
        """Free the slot of an exited worker: its gauges become zero, its counts stay."""
        self._array[slot, self._gauges] = 0
        self._taken.discard(slot)

    def collect(self) -> Iterable[Metric]:
        """Return the sums over all slots."""
        totals: Totals = self._array[: self._seen_slots].sum(axis=0)
        return [metric for family in self._families for metric in family(totals)]

    # --- the worker ---

    def use_slot(self, slot: int) -> None:
        """Count into this slot from now on."""
        self.values = self._slot(slot)

    # --- the series ---

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Family[Counter]:
        """Add a family of counters; ``name`` ends in _total."""

        def describe(children: Iterable[tuple[Labels, Counter]], totals: Totals) -> Metric:
            family = CounterMetricFamily(name, text, labels=labels)
            for values, child in children:
                family.add_metric(values, totals[child.cell])
            return family

        return self._add(Counter, describe)

    def gauge(self, name: str, text: str) -> Gauge:
        """Add a gauge: the sum over the workers that run."""

        def describe(children: Iterable[tuple[Labels, Gauge]], totals: Totals) -> Metric:
            return GaugeMetricFamily(name, text, value=sum(totals[child.cell] for _, child in children))

        gauge = self._add(Gauge, describe).labels()
        self._gauges.append(gauge.cell)
        return gauge

    def histogram(
        self, name: str, text: str, buckets: Sequence[float], labels: Sequence[str] = ()
    ) -> Family[Histogram]:
        """Add a family of histograms, with the upper limits of their buckets in ascending order."""
        limits = [*map(str, map(float, buckets)), "+Inf"]

        def describe(children: Iterable[tuple[Labels, Histogram]], totals: Totals) -> Metric:
            family = HistogramMetricFamily(name, text, labels=labels)
            for values, child in children:
                counts = totals[child.cell : child.cell + len(limits)].cumsum().tolist()
                family.add_metric(values, list(zip(limits, counts, strict=True)), totals[child.cell + len(limits)])
            return family

        return self._add(lambda shared: Histogram(shared, list(buckets)), describe)

    def allocate(self, cells: int) -> int:
        """Return the first of new neighbouring cells.

        Raises:
            StartupFailed: the model has more series than a scrape should have.
        """
        begin = self._used
        if begin + cells > CELLS:
            raise StartupFailed(f"the metrics of this model need more than {CELLS} series: it has too many features")
        self._used += cells
        return begin

    def add_family(self, describe: Callable[[Totals], Iterator[Metric]]) -> None:
        """Add metrics whose series are derived from the cells at each scrape."""
        self._families.append(describe)

    def cells_of_slots(self, begin: int, cells: int) -> npt.NDArray[np.float64]:
        """Return (slots, cells): the numbers of every slot."""
        return self._array[: self._seen_slots, begin : begin + cells].copy()

    def _slot(self, slot: int) -> memoryview[float]:
        return memoryview(self._memory).cast("d")[slot * CELLS : (slot + 1) * CELLS]

    def _add(
        self, make: Callable[[SharedMetrics], T], describe: Callable[[Iterable[tuple[Labels, T]], Totals], Metric]
    ) -> Family[T]:
        family = Family(lambda: make(self))
        self._families.append(lambda totals: iter((describe(family.children.items(), totals),)))
        return family


class Family(Generic[T]):
    """The series of one name. All are created before the workers are forked."""

    def __init__(self, make: Callable[[], T]) -> None:
        """Start without series."""
        self._make = make
        self.children: dict[Labels, T] = {}

    def labels(self, *values: str) -> T:
        """Return the series with these label values; create it at zero if there is none."""
        if values not in self.children:
            self.children[values] = self._make()
        return self.children[values]


class Counter:
    """One counter."""

    def __init__(self, shared: SharedMetrics) -> None:
        """Start at zero."""
        self._shared, self.cell = shared, shared.allocate(1)

    def inc(self, amount: float = 1) -> None:
        """Add an amount."""
        with self._shared.lock:
            self._shared.values[self.cell] += amount


class Gauge(Counter):
    """One gauge, which becomes zero when its worker exits."""

    def dec(self) -> None:
        """Subtract one."""
        self.inc(-1)


class Histogram:
    """One histogram: a count for each bucket, and the sum."""

    def __init__(self, shared: SharedMetrics, buckets: Sequence[float]) -> None:
        """Start at zero."""
        self._shared, self._limits = shared, list(buckets)
        self.cell = shared.allocate(len(buckets) + 2)
        self._sum = self.cell + len(buckets) + 1

    def observe(self, value: float) -> None:
        """Count a value."""
        with self._shared.lock:
            self.observe_locked(self._shared.values, value)

    def observe_locked(self, values: memoryview[float], value: float) -> None:
        """Count a value while the caller holds the lock."""
        values[self.cell + bisect_left(self._limits, value)] += 1
        values[self._sum] += value
