"""Requests per route, by status and duration, at zero from the first scrape.

The names and labels are those of prometheus-fastapi-instrumentator. Its own counters have no series before the first
request, so ``increase()`` would miss a first error. Here all series exist from the start, and no request can add one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_fastapi_instrumentator.metrics import Info
from starlette.routing import BaseRoute, Route

__all__ = ["HttpMetrics", "served_methods"]

REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Buckets per route. Those of the instrumentator start at 0.1 s, which is too coarse for predictions."""

STATUSES = ("2xx", "3xx", "4xx", "5xx")
UNROUTED = "none"
OTHER = "other"
"""Label of every method that a route does not accept, because clients may invent any."""


def served_methods(routes: Iterable[BaseRoute], routers: Sequence[APIRouter]) -> dict[str, set[str]]:
    """Return the methods of each path of the routes of an application and of its routers."""
    methods: dict[str, set[str]] = {}
    for route in (*routes, *(route for router in routers for route in router.routes)):
        if isinstance(route, Route):
            methods.setdefault(route.path, set()).update(route.methods or ())
    return methods


class HttpMetrics:
    """The counters of one worker; the instrumentator calls ``count`` after each request."""

    def __init__(self, registry: CollectorRegistry, methods: dict[str, set[str]]) -> None:
        """Create every series; ``methods`` contains the methods of each counted path."""
        requests = Counter(
            "http_requests_total",
            "Requests, by route, method and status.",
            ["handler", "method", "status"],
            registry=registry,
        )
        seconds = Histogram(
            "http_request_duration_seconds",
            "Time from the headers of a request to the end of its response.",
            ["handler", "method"],
            buckets=REQUEST_SECONDS,
            registry=registry,
        )
        every = set().union(*methods.values())
        # Looking up a child by its labels costs more than counting, so it is done once.
        self._children = {
            (handler, method): (
                {status: requests.labels(handler, method, status) for status in STATUSES},
                seconds.labels(handler, method),
            )
            for handler, taken in {**methods, UNROUTED: every}.items()
            for method in sorted({*taken, OTHER})
        }
        self._handlers = frozenset(methods)

    def count(self, info: Info) -> None:
        """Count a completed or aborted request."""
        # With a trailing slash the instrumentator passes the raw path, which may be anything.
        handler = info.modified_handler if info.modified_handler in self._handlers else UNROUTED
        counters, seconds = self._children.get((handler, info.method)) or self._children[handler, OTHER]
        counters[info.modified_status].inc()
        seconds.observe(info.modified_duration)
