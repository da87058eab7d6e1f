"""Counters of all workers, including exited ones: their counts are merged into one file per metric type.

prometheus_client keeps the files of every process that ever ran, so memory and time grow with each exit
(prometheus/client_python#275).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

__all__ = ["SharedCounts"]

DEAD = "dead"
"""Instead of a process id in a file name."""


class SharedCounts(MultiProcessCollector):
    """A collector for the parent of the workers, which calls ``forget`` when a worker exits."""

    def __init__(self, folder: Path) -> None:
        """Read the files that the workers write to ``folder``."""
        super().__init__(None, path=str(folder))  # type: ignore[no-untyped-call]
        self._folder, self._lock = folder, threading.Lock()

    def collect(self) -> Iterable[Metric]:
        """Return the aggregated metrics of all processes."""
        with self._lock:
            return list(super().collect())  # type: ignore[no-untyped-call]

    def forget(self, process_id: int) -> None:
        """Remove the live gauges of an exited process, and keep its counts."""
        with self._lock:
            mark_process_dead(process_id, path=str(self._folder))  # type: ignore[no-untyped-call]
            for path in self._folder.glob(f"*_{process_id}.db"):
                kind = path.name.removesuffix(f"_{process_id}.db")
                _move(path, self._folder / f"{kind}_{DEAD}.db", is_gauge=kind.startswith("gauge"))


def _move(path: Path, into: Path, *, is_gauge: bool) -> None:
    entries = list(MmapedDict.read_all_values_from_file(str(path)))  # type: ignore[no-untyped-call]
    kept = MmapedDict(str(into))  # type: ignore[no-untyped-call]
    try:
        for key, value, at, _position in entries:
            before, before_at = kept.read_value(key)  # type: ignore[no-untyped-call]
            if not is_gauge:
                kept.write_value(key, before + value, at)  # type: ignore[no-untyped-call]
            elif at >= before_at:
                kept.write_value(key, value, at)  # type: ignore[no-untyped-call]
    finally:
        kept.close()  # type: ignore[no-untyped-call]
    path.unlink()
