"""The metrics of all workers and of their parent, for Prometheus."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.registry import Collector

from services.api.internal.server import InternalServer
from services.api.metrics.multiprocess import SharedCounts

__all__ = ["MetricsServer"]


class MetricsServer(InternalServer):
    """A thread in the parent of the workers, which reads the files of all of them."""

    def __init__(self, folder: Path, *collectors: Collector) -> None:
        """Serve what workers write to ``folder``, and what the parent collects."""
        self._counts, registry = SharedCounts(folder), CollectorRegistry()
        for collector in (self._counts, *collectors):
            registry.register(collector)
        super().__init__(make_wsgi_app(registry))

    def forget(self, process_id: int) -> None:
        """Remove the live gauges of an exited worker; its counters stay."""
        self._counts.forget(process_id)
