"""The metrics of all workers together and of their parent, for Prometheus."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.registry import Collector

from services.api.internal_server import InternalServer
from services.api.shared_counts import SharedCounts

__all__ = ["MetricsServer"]


class MetricsServer:
    """A thread in the parent of the workers: it sees the files of them all."""

    def __init__(self, folder: Path, *collectors: Collector) -> None:
        """Serve what workers write to ``folder``, and what the parent collects."""
        self._counts, self._collectors = SharedCounts(folder), collectors
        self._server = InternalServer()

    def start(self, host: str, port: int) -> None:
        """Begin to answer."""
        registry = CollectorRegistry()
        for collector in (self._counts, *self._collectors):
            registry.register(collector)
        self._server.start(make_wsgi_app(registry), host, port)

    def stop(self) -> None:
        """End, and give the port back."""
        self._server.stop()

    def leave_to_parent(self) -> None:
        """Close, in a worker, the socket that it inherited."""
        self._server.leave_to_parent()

    def forget(self, process_id: int) -> None:
        """Drop what only a living worker may say; its counts stay."""
        self._counts.forget(process_id)
