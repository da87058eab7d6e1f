"""The dashboards as data: panels, their queries, and Grafana's variables in them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dashboards.tools.canonical import FOLDER

__all__ = ["Query", "Window", "annotation_queries", "load", "panel_queries", "panels", "substitute", "window_of"]

Json = dict[str, Any]
VARIABLE = re.compile(r"\$(?:\{([a-zA-Z_]\w*)(?::\w+)?\}|([a-zA-Z_]\w*))")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
SCRAPE_SECONDS = 30.0
"""The chart's scrape interval, which is also set in Grafana's data source."""


@dataclass(frozen=True)
class Window:
    """The selected time, in seconds since the epoch."""

    start: float
    end: float

    def step(self, points: int = 240) -> float:
        """Return the seconds between two points, Grafana's ``$__interval``."""
        return max(SCRAPE_SECONDS, round((self.end - self.start) / points))

    def constants(self, step: float) -> dict[str, str]:
        """Return the values of Grafana's own variables."""
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


def window_of(ago: str, end: float) -> Window:
    """Return the time from ``now-6h`` or ``6h`` to ``end``."""
    match = re.fullmatch(r"(?:now-)?(\d+)([smhdw])", ago)
    if match is None:
        raise ValueError(f"{ago!r} is not a time such as 6h or now-7d")
    return Window(end - int(match[1]) * SECONDS[match[2]], end)


def load(folder: Path = FOLDER) -> dict[str, Json]:
    """Return every dashboard by its file name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def panels(dashboard: Json) -> list[Json]:
    """Return every panel except row headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def panel_queries(panel: Json) -> list[Query]:
    """Return the queries of one panel, in order."""
    return [
        Query(
            panel["title"], target["refId"], target["expr"], bool(target.get("instant")), target.get("legendFormat", "")
        )
        for target in panel["targets"]
    ]


def annotation_queries(dashboard: Json) -> list[Query]:
    """Return the queries of the annotations."""
    annotations = [one for one in dashboard["annotations"]["list"] if "target" in one]
    return [Query(one["name"], "Anno", one["target"]["expr"], False, one["titleFormat"]) for one in annotations]


def substitute(text: str, values: Mapping[str, str | Sequence[str]]) -> str:
    """Replace the variables; several values become a regular expression, as in Grafana."""

    def replace(match: re.Match[str]) -> str:
        value = values[match[1] or match[2]]
        if isinstance(value, str):
            return value
        escaped = [re.escape(one).replace("\\", "\\\\") for one in value]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"

    return VARIABLE.sub(replace, text)
