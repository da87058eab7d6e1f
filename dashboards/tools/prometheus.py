"""Ask a Prometheus for what the dashboards show."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from dashboards.tools.queries import Query, Window, panel_queries, panels, substitute

__all__ = ["Prometheus", "Series", "fetch", "resolve", "series_counts"]

LABEL_VALUES = re.compile(r"label_values\((.*),\s*(\w+)\)", re.DOTALL)
LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")
Values = dict[str, str | Sequence[str]]


@dataclass(frozen=True)
class Series:
    """One time series of an answer; a point is (seconds since the epoch, value)."""

    name: str
    labels: dict[str, str]
    points: list[tuple[float, float]] = field(repr=False)

    @property
    def last(self) -> float:
        """The newest value that is a number."""
        return next((value for _, value in reversed(self.points) if not math.isnan(value)), math.nan)


class Prometheus:
    """Its HTTP API, the four calls that Grafana makes too."""

    def __init__(self, client: httpx.Client) -> None:
        """Speak through a client whose base URL is Prometheus'."""
        self._client = client

    def query(self, expr: str, time: float) -> list[dict[str, Any]]:
        """Return an instant vector."""
        found = self._ask("query", {"query": expr, "time": time})
        # A number without labels is a scalar.
        return found["result"] if found["resultType"] == "vector" else [{"metric": {}, "value": found["result"]}]

    def query_range(self, expr: str, window: Window, step: float) -> list[dict[str, Any]]:
        """Return a matrix; its points lie on multiples of the step, as Grafana asks for them."""
        end = math.floor(window.end / step) * step
        start = math.floor(window.start / step) * step
        found = self._ask("query_range", {"query": expr, "start": start, "end": end, "step": step})
        return list(found["result"])

    def label_values(self, selector: str, label: str, window: Window) -> list[str]:
        """Return the values of a label on the series that a selector finds."""
        parameters = {"match[]": selector, "start": window.start, "end": window.end}
        return sorted(self._ask(f"label/{label}/values", parameters), key=_natural)

    def _ask(self, path: str, parameters: dict[str, Any]) -> Any:
        answer = self._client.get(f"/api/v1/{path}", params=parameters)
        body = answer.json()
        if body["status"] != "success":
            raise ValueError(f"Prometheus refused {parameters}: {body['error']}")
        return body["data"]


def resolve(dashboard: dict[str, Any], prometheus: Prometheus, window: Window, given: Mapping[str, str]) -> Values:
    """Choose the variables' values as Grafana does when a dashboard is opened: what is given, all, or the first."""
    values: Values = {}
    for one in dashboard["templating"]["list"]:
        name = one["name"]
        if name in given:
            values[name] = given[name]
        elif one["type"] == "query":
            values[name] = _choose(one, prometheus, window, values)
    return values


def fetch(query: Query, prometheus: Prometheus, window: Window, values: Values, points: int = 240) -> list[Series]:
    """Ask one query as its panel does; the series come in the order of their names."""
    step = window.step(points)
    expr = substitute(query.expr, {**values, **window.constants(step)})
    if query.instant:
        found = prometheus.query(expr, window.end)
    else:
        found = prometheus.query_range(expr, window, step)
    series = [
        Series(_name(one["metric"], query), one["metric"], _points(one.get("values") or [one["value"]]))
        for one in found
    ]
    return sorted(series, key=lambda one: _natural(one.name))


def series_counts(dashboard: dict[str, Any], base_url: str, window: Window, **given: str) -> dict[str, int]:
    """How many series with a value each panel's query finds, by ``panel / ref``: 0 is what a user sees as No data."""
    counts = {}
    with httpx.Client(base_url=base_url, timeout=60) as client:
        prometheus = Prometheus(client)
        values = resolve(dashboard, prometheus, window, given)
        for panel in panels(dashboard):
            for query in panel_queries(panel):
                found = fetch(query, prometheus, window, values)
                counts[f"{query.panel} / {query.ref}"] = sum(not math.isnan(one.last) for one in found)
    return counts


def _choose(variable: dict[str, Any], prometheus: Prometheus, window: Window, values: Values) -> str | list[str]:
    match = LABEL_VALUES.fullmatch(variable["query"]["query"])
    if match is None:
        raise ValueError(f"the variable {variable['name']} is not label_values(selector, label)")
    found = prometheus.label_values(substitute(match[1], values), match[2], window)
    if variable.get("includeAll"):
        return found or [""]
    return found[0] if found else ""


def _name(labels: dict[str, str], query: Query) -> str:
    if query.legend:
        return LEGEND.sub(lambda match: labels.get(match[1], ""), query.legend)
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items())) or query.expr


def _points(values: list[list[Any]]) -> list[tuple[float, float]]:
    return [(float(time), float(value)) for time, value in values]


def _natural(text: str) -> list[tuple[int, float, str]]:
    # "10" after "9", and words after numbers.
    parts = re.findall(r"-?\d+(?:\.\d+)?|[^\d-]+|-", text)
    return [(0, float(one), "") if re.fullmatch(r"-?\d+(?:\.\d+)?", one) else (1, 0.0, one) for one in parts]
