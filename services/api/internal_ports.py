"""The ports that are never published: metrics for Prometheus, and the bundle for other pods."""

from __future__ import annotations

from services.api.bundle_server import BundleServer
from services.api.metrics_server import MetricsServer
from services.api.settings import Settings

__all__ = ["InternalPorts"]


class InternalPorts:
    """One thread for each, in the parent of the workers."""

    def __init__(self, metrics: MetricsServer, bundle: BundleServer) -> None:
        """Hold both; nothing listens yet."""
        self._metrics, self._bundle = metrics, bundle

    def start(self, settings: Settings) -> None:
        """Begin to answer; without API_PEER_PORT the bundle is for nobody."""
        self._metrics.start(settings.metrics_host, settings.metrics_port)
        if settings.peer_port:
            self._bundle.start(settings.metrics_host, settings.peer_port)

    def leave_to_parent(self) -> None:
        """Close, in a worker, the sockets that it inherited."""
        self._metrics.leave_to_parent()
        self._bundle.leave_to_parent()

    def forget(self, process_id: int) -> None:
        """Drop what only a living worker may say in the metrics; its counts stay."""
        self._metrics.forget(process_id)
