"""How many requests each route had, how they ended and how long they took: at zero from the first scrape.

The names and labels are the instrumentator's own; its own counters have no series before the first request, so that a
first failure would be no increase. The series here are all there from the start, and no request can add one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_fastapi_instrumentator.metrics import Info
from starlette.routing import BaseRoute, Route

__all__ = ["HttpMetrics", "served_methods"]

REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Per route. The instrumentator's own begin at 0.1 s, where a prediction is long done."""

STATUSES = ("2xx", "3xx", "4xx", "5xx")
UNROUTED = "none"
OTHER = "other"
"""Every method that a route does not take: what it is does not matter, and clients may make up any."""


def served_methods(routes: Iterable[BaseRoute], routers: Sequence[APIRouter]) -> dict[str, set[str]]:
    """Return the methods of each path: of an app's own routes, and of the routers that it includes."""
    found: dict[str, set[str]] = {}
    for route in (*routes, *(route for router in routers for route in router.routes)):
        if isinstance(route, Route):
            found.setdefault(route.path, set()).update(route.methods or ())
    return found


class HttpMetrics:
    """The counters of one worker; the instrumentator calls ``count`` after each request."""

    def __init__(self, registry: CollectorRegistry, methods: dict[str, set[str]]) -> None:
        """Make every series there can be; ``methods`` has those of each path that is counted."""
        requests = Counter(
            "http_requests_total", "Requests, by how they ended.", ["handler", "method", "status"], registry=registry
        )
        seconds = Histogram(
            "http_request_duration_seconds",
            "Time from a request's head to the end of its answer.",
            ["handler", "method"],
            buckets=REQUEST_SECONDS,
            registry=registry,
        )
        every = set().union(*methods.values())
        # Looking a child up by its labels costs more than counting: once, here.
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
        """Count a request that has been answered, or given up."""
        # With a slash too many the instrumentator gives the path as it came, which may be any.
        handler = info.modified_handler if info.modified_handler in self._handlers else UNROUTED
        counters, seconds = self._children.get((handler, info.method)) or self._children[handler, OTHER]
        counters[info.modified_status].inc()
        seconds.observe(info.modified_duration)
