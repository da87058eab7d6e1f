"""Read dashboards: their panels, and their queries with Grafana's variables put in.

Grafana does this in the browser. What needs it without one (the tests, the proof on a cluster, the pictures) uses this.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboards.tools.canonical import FOLDER

__all__ = ["Query", "Window", "annotation_queries", "load", "panel_queries", "panels", "substitute"]

Json = dict[str, Any]
VARIABLE = re.compile(r"\$(?:\{([a-zA-Z_]\w*)(?::\w+)?\}|([a-zA-Z_]\w*))")
SCRAPE_SECONDS = 30.0
"""The chart's scrape interval, which Grafana's data source is told as well."""


@dataclass(frozen=True)
class Window:
    """The time that is looked at, in seconds since the epoch."""

    start: float
    end: float

    def step(self, points: int = 240) -> float:
        """Seconds between two points, which is Grafana's ``$__interval``."""
        return max(SCRAPE_SECONDS, round((self.end - self.start) / points))

    def constants(self, step: float) -> dict[str, str]:
        """What Grafana puts in for its own variables."""
        seconds = round(self.end - self.start)
        rate = max(step + SCRAPE_SECONDS, 4 * SCRAPE_SECONDS)
        return {"__interval": f"{step:.0f}s", "__rate_interval": f"{rate:.0f}s", "__range": f"{seconds}s"}


@dataclass(frozen=True)
class Query:
    """One target of one panel, as it stands in the file."""

    panel: str
    ref: str
    expr: str
    instant: bool
    legend: str


def load(folder: Path = FOLDER) -> dict[str, Json]:
    """Every dashboard by its file's name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def panels(dashboard: Json) -> list[Json]:
    """Every panel but the headings of rows."""
    return [one for one in dashboard["panels"] if one["type"] != "row"]


def panel_queries(panel: Json) -> list[Query]:
    """The queries of one panel, in order."""
    return [
        Query(panel["title"], one["refId"], one["expr"], bool(one.get("instant")), one.get("legendFormat", ""))
        for one in panel["targets"]
    ]


def annotation_queries(dashboard: Json) -> list[Query]:
    """The queries of the annotations; no panel's, but they have to hold as well."""
    found = [one for one in dashboard["annotations"]["list"] if "target" in one]
    return [Query(one["name"], "Anno", one["target"]["expr"], False, one["titleFormat"]) for one in found]


def substitute(text: str, values: Mapping[str, str | Sequence[str]]) -> str:
    """Put the variables in: several values as Grafana does for a regular expression."""

    def put(match: re.Match[str]) -> str:
        value = values[match[1] or match[2]]
        if isinstance(value, str):
            return value
        several = [re.escape(one).replace("\\", "\\\\") for one in value]
        return several[0] if len(several) == 1 else f"({'|'.join(several)})"

    return VARIABLE.sub(put, text)
