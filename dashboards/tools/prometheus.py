"""Ask Prometheus what the dashboards ask."""

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
    """The calls of its HTTP API that Grafana makes too."""

    def __init__(self, client: httpx.Client) -> None:
        """Use a client whose base URL is that of Prometheus."""
        self._client = client

    def query(self, expr: str, time: float) -> list[dict[str, Any]]:
        """Return an instant vector; a scalar becomes one series without labels."""
        answer = self._ask("query", {"query": expr, "time": time})
        return answer["result"] if answer["resultType"] == "vector" else [{"metric": {}, "value": answer["result"]}]

    def query_range(self, expr: str, window: Window, step: float) -> list[dict[str, Any]]:
        """Return a matrix; its points lie on multiples of the step, as Grafana asks for them."""
        start, end = (math.floor(moment / step) * step for moment in (window.start, window.end))
        return list(self._ask("query_range", {"query": expr, "start": start, "end": end, "step": step})["result"])

    def label_values(self, selector: str, label: str, window: Window) -> list[str]:
        """Return the values of a label on the series that match a selector."""
        parameters = {"match[]": selector, "start": window.start, "end": window.end}
        return sorted(self._ask(f"label/{label}/values", parameters), key=_natural)

    def _ask(self, path: str, parameters: dict[str, Any]) -> Any:
        body = self._client.get(f"/api/v1/{path}", params=parameters).json()
        if body["status"] != "success":
            raise ValueError(f"Prometheus refused {parameters}: {body['error']}")
        return body["data"]


def resolve(dashboard: dict[str, Any], prometheus: Prometheus, window: Window, given: Mapping[str, str]) -> Values:
    """Choose the variables' values as Grafana does on opening a dashboard: the provided one, all, or the first."""
    values: Values = {}
    for variable in dashboard["templating"]["list"]:
        name = variable["name"]
        if name in given:
            values[name] = given[name]
        elif variable["type"] == "query":
            values[name] = _choose(variable, prometheus, window, values)
    return values


def fetch(query: Query, prometheus: Prometheus, window: Window, values: Values, points: int = 240) -> list[Series]:
    """Run one query as its panel does; the series are sorted by name."""
    step = window.step(points)
    expr = substitute(query.expr, {**values, **window.constants(step)})
    answer = prometheus.query(expr, window.end) if query.instant else prometheus.query_range(expr, window, step)
    series = [
        Series(
            _name(one["metric"], query),
            one["metric"],
            [(float(time), float(value)) for time, value in one.get("values") or [one["value"]]],
        )
        for one in answer
    ]
    return sorted(series, key=lambda one: _natural(one.name))


def series_counts(dashboard: dict[str, Any], base_url: str, window: Window, **given: str) -> dict[str, int]:
    """Return how many series with a value each panel's query has, by ``panel / ref``: 0 is "No data" to a user."""
    counts = {}
    with httpx.Client(base_url=base_url, timeout=60) as client:
        prometheus = Prometheus(client)
        values = resolve(dashboard, prometheus, window, given)
        for panel in panels(dashboard):
            for query in panel_queries(panel):
                series = fetch(query, prometheus, window, values)
                counts[f"{query.panel} / {query.ref}"] = sum(not math.isnan(one.last) for one in series)
    return counts


def _choose(variable: dict[str, Any], prometheus: Prometheus, window: Window, values: Values) -> str | list[str]:
    match = LABEL_VALUES.fullmatch(variable["query"]["query"])
    if match is None:
        raise ValueError(f"the variable {variable['name']} is not label_values(selector, label)")
    choices = prometheus.label_values(substitute(match[1], values), match[2], window) or [""]
    return choices if variable.get("includeAll") else choices[0]


def _name(labels: dict[str, str], query: Query) -> str:
    if query.legend:
        return LEGEND.sub(lambda match: labels.get(match[1], ""), query.legend)
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items())) or query.expr


def _natural(text: str) -> str:
    """Sort "9" before "10"."""
    return re.sub(r"\d+", lambda match: match[0].zfill(12), text)
