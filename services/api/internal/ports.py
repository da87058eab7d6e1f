"""The ports that are never published: metrics for Prometheus, and the bundle for other pods."""

from __future__ import annotations

from dataclasses import dataclass

from services.api.internal.bundle_server import BundleServer
from services.api.internal.metrics_server import MetricsServer

__all__ = ["InternalAddress", "InternalPorts"]


@dataclass(frozen=True)
class InternalAddress:
    """Where the internal ports listen."""

    host: str
    metrics_port: int
    peer_port: int
    """0: the bundle is for nobody."""


class InternalPorts:
    """One thread for each, in the parent of the workers."""

    def __init__(self, metrics: MetricsServer, bundle: BundleServer, address: InternalAddress) -> None:
        """Hold both; nothing listens yet."""
        self._metrics, self._bundle, self._address = metrics, bundle, address

    def start(self) -> None:
        """Begin to answer."""
        self._metrics.start(self._address.host, self._address.metrics_port)
        if self._address.peer_port:
            self._bundle.start(self._address.host, self._address.peer_port)

    def leave_to_parent(self) -> None:
        """Close, in a worker, the sockets that it inherited."""
        self._metrics.leave_to_parent()
        self._bundle.leave_to_parent()

    def forget(self, process_id: int) -> None:
        """Drop what only a living worker may say in the metrics; its counts stay."""
        self._metrics.forget(process_id)
