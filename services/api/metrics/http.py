"""Requests per route, by status and duration, at zero from the first scrape.

The names and labels are those of prometheus-fastapi-instrumentator, which dashboards know. All series exist from the
start, so that ``increase()`` misses no first error, and no request can add one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fastapi import APIRouter
from starlette.routing import BaseRoute, Route

from services.api.metrics.shared import Counter, Histogram, SharedMetrics

__all__ = ["UNROUTED", "HttpMetrics", "served_methods"]

REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Buckets per route. They start low enough for predictions."""

STATUSES = {2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"}
UNROUTED = "none"
"""Label of requests without a route."""

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
    """The counters of one worker."""

    def __init__(self, shared: SharedMetrics, methods: dict[str, set[str]]) -> None:
        """Create every series; ``methods`` contains the methods of each counted path."""
        requests = shared.counter(
            "http_requests_total", "Requests, by route, method and status.", ["handler", "method", "status"]
        )
        seconds = shared.histogram(
            "http_request_duration_seconds",
            "Time from the headers of a request to the end of its response.",
            REQUEST_SECONDS,
            ["handler", "method"],
        )
        every = set().union(*methods.values())
        # Looking up a child by its labels costs more than counting, so it is done once.
        self._children = {
            (handler, method): (
                {status: requests.labels(handler, method, text) for status, text in STATUSES.items()},
                seconds.labels(handler, method),
            )
            for handler, taken in {**methods, UNROUTED: every}.items()
            for method in sorted({*taken, OTHER})
        }

    def of(self, handler: str, method: str) -> tuple[dict[int, Counter], Histogram]:
        """Return the counters by hundreds of the status, and the durations, of a route's template and a method."""
        children = self._children
        return children.get((handler, method)) or children.get((handler, OTHER)) or children[UNROUTED, OTHER]

    def count(self, handler: str, method: str, status: int, seconds: float) -> None:
        """Count a completed or aborted request; ``handler`` is the template of its route, or anything without one."""
        counters, durations = self.of(handler, method)
        counters[status // 100].inc()
        durations.observe(seconds)
