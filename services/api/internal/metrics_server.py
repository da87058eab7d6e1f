"""The metrics of all workers and of their parent, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, make_wsgi_app

from services.api.internal.server import InternalServer

__all__ = ["MetricsServer"]


class MetricsServer(InternalServer):
    """A thread in the parent of the workers, which reads what all of them counted."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Serve a registry."""
        super().__init__(make_wsgi_app(registry))
