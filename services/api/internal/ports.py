"""The internal ports, which are never published: metrics for Prometheus, the bundle for other pods."""

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
    """0: the bundle is not served."""


class InternalPorts:
    """One thread per port, in the parent of the workers."""

    def __init__(self, metrics: MetricsServer, bundle: BundleServer, address: InternalAddress) -> None:
        """Store both servers; nothing listens yet."""
        self._metrics, self._bundle, self._address = metrics, bundle, address

    def start(self) -> None:
        """Start to listen."""
        self._metrics.start(self._address.host, self._address.metrics_port)
        if self._address.peer_port:
            self._bundle.start(self._address.host, self._address.peer_port)

    def leave_to_parent(self) -> None:
        """Close, in a worker, the inherited sockets."""
        self._metrics.leave_to_parent()
        self._bundle.leave_to_parent()
