"""Write time series as OpenMetrics text, from which promtool creates blocks for a Prometheus."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path

Value = float | Callable[[float], float]
"""A number, or a function of the time from 0 (start) to 1 (end)."""

NAMESPACE = "espalier"


class Release:
    """Collects series and writes them."""

    def __init__(self, start: float, end: float, step: float) -> None:
        self.start, self.end, self.step = start, end, step
        self.times = [start + step * place for place in range(int((end - start) / step) + 1)]
        self._series: dict[str, list[tuple[dict[str, object], list[float]]]] = defaultdict(list)

    def gauge(self, name: str, value: Value, /, **labels: object) -> None:
        """Add a value at every time; NaN is no sample."""
        made = [value(self._place(time)) if callable(value) else value for time in self.times]
        self._series[name].append(({"namespace": NAMESPACE, **labels}, made))

    def counter(self, name: str, rate: Value, /, **labels: object) -> None:
        """Add a counter that grows by this rate per second."""
        rates = [rate(self._place(time)) if callable(rate) else rate for time in self.times]
        sums = accumulate(0.0 if math.isnan(one) else one * self.step for one in rates)
        made = [math.nan if math.isnan(one) else value for one, value in zip(rates, sums, strict=True)]
        self._series[name].append(({"namespace": NAMESPACE, **labels}, made))

    def write(self, path: Path) -> None:
        with path.open("w", encoding="utf-8") as file:
            for name in sorted(self._series):
                for labels, values in self._series[name]:
                    text = ",".join(f'{key}="{value}"' for key, value in labels.items())
                    for time, value in zip(self.times, values, strict=True):
                        if not math.isnan(value):
                            file.write(f"{name}{{{text}}} {value:.8g} {time:.0f}\n")
            file.write("# EOF\n")

    def _place(self, time: float) -> float:
        return (time - self.start) / (self.end - self.start)


def names(path: Path) -> Iterator[str]:
    """Return the name of every sample in such a file."""
    with path.open(encoding="utf-8") as file:
        yield from {line.split("{", 1)[0] for line in file if not line.startswith("#")}
