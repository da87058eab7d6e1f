"""Plot what a dashboard's panels ask of a Prometheus, one plain plot per panel, without Grafana.

    python -m dashboards.tools.render dashboards/espalier-model.json --url http://127.0.0.1:9090 --out model.png

Graphs, heat maps and state timelines are lines, bar charts are bars, numbers and tables are text. A panel without data
says "No data", or why.
"""

from __future__ import annotations

import json
import math
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dashboards.tools.prometheus import Prometheus, Series, Values, fetch, resolve
from dashboards.tools.queries import Window, panel_queries, substitute, window_of

__all__ = ["KINDS", "UNITS", "draw", "main"]

COLUMN, LINE = 0.75, 0.38  # inches of Grafana's grid
UNITS = {"bytes": "bytes", "percent": "%", "percentunit": "ratio", "reqps": "requests/s", "rowsps": "rows/s", "s": "s"}
UNITS |= dict.fromkeys(("none", "short", "string"), "")

Answers = dict[str, list[Series]]
"""The series with a value, by query."""


@rc_context({"date.converter": "concise", "font.size": 8, "legend.fontsize": 7, "axes.titlesize": 10})
def draw(dashboard: dict[str, Any], prometheus: Prometheus, window: Window, values: Values) -> Figure:
    """Return the picture of a dashboard, laid out as in Grafana."""
    lines = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"]) + 2
    figure = Figure(figsize=(24 * COLUMN, lines * LINE), dpi=70)
    start, end = (f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M}" for moment in (window.start, window.end))
    figure.text(0.01, 1 - 1 / lines, f"{dashboard['title']}, {start} to {end} UTC", fontsize=16, va="center")
    for panel in dashboard["panels"]:
        x, y, width, height = (panel["gridPos"][key] for key in "xywh")
        if panel["type"] == "row":
            figure.text(0.01, 1 - (y + 2.5) / lines, panel["title"], fontsize=13, weight="bold", va="center")
            continue
        place = ((x + 0.9) / 24, 1 - (y + height + 1.1) / lines, (width - 1.1) / 24, (height - 2) / lines)
        axes = figure.add_axes(place, title=substitute(panel["title"], values))
        points = panel.get("maxDataPoints", 240)
        found = {one.ref: fetch(one, prometheus, window, values, points) for one in panel_queries(panel)}
        answers = {ref: [one for one in series if not math.isnan(one.last)] for ref, series in found.items()}
        if any(answers.values()):
            KINDS[panel["type"]](axes, panel, answers, UNITS[panel["fieldConfig"]["defaults"]["unit"]])
        else:
            _write(axes, panel["fieldConfig"]["defaults"].get("noValue", "No data"))
    return figure


def main(
    dashboard: Annotated[Path, typer.Argument(help="JSON file.")],
    url: Annotated[str, typer.Option(help="Address of Prometheus.")] = "http://127.0.0.1:9090",
    out: Annotated[Path | None, typer.Option(help="Picture; by default the dashboard's name with .png.")] = None,
    ago: Annotated[str, typer.Option(help="How far back, such as 6h; by default as the dashboard opens.")] = "",
    var: Annotated[list[str] | None, typer.Option(help="Value of a variable: namespace=espalier. Repeatable.")] = None,
) -> None:
    """Plot what a dashboard's panels ask of a Prometheus, without Grafana."""
    content = json.loads(dashboard.read_text(encoding="utf-8"))
    window = window_of(ago or content["time"]["from"], time.time())
    with httpx.Client(base_url=url, timeout=60) as client:
        prometheus = Prometheus(client)
        values = resolve(content, prometheus, window, dict(one.split("=", 1) for one in var or []))
        draw(content, prometheus, window, values).savefig(out or f"{dashboard.stem}.png")


def _write(axes: Axes, text: str) -> None:
    axes.axis("off")
    axes.text(0.5, 0.5, text, transform=axes.transAxes, fontsize=10, ha="center", va="center")


def _text(axes: Axes, _: dict[str, Any], answers: Answers, unit: str) -> None:
    _write(axes, "\n".join(f"{one.name}: {one.last:.5g} {unit}" for series in answers.values() for one in series))


def _lines(axes: Axes, _: dict[str, Any], answers: Answers, unit: str) -> None:
    for one in (one for series in answers.values() for one in series):
        times = [datetime.fromtimestamp(moment, UTC) for moment, _value in one.points]
        axes.plot(times, [value for _moment, value in one.points], label=one.name)  # type: ignore[arg-type]
    axes.set_ylabel(unit)
    axes.legend(loc="upper left", ncols=2)


def _bars(axes: Axes, panel: dict[str, Any], answers: Answers, unit: str) -> None:
    field = panel["options"]["xField"]
    lows = {
        one.labels[field]: float(one.labels.get("low", "inf"))
        for series in reversed(answers.values())
        for one in series
    }
    names = sorted(lows, key=lambda name: lows[name])
    for number, (ref, series) in enumerate(answers.items()):
        places = [names.index(one.labels[field]) + 0.4 * number for one in series]
        axes.barh(places, [one.last for one in series], height=0.4, label=f"query {ref}", alpha=0.5)
    axes.set_yticks(range(len(names)), names, ha="left")
    axes.tick_params(axis="y", pad=-8)
    axes.set_xlabel(unit)
    axes.legend()


KINDS = {"barchart": _bars, "heatmap": _lines, "stat": _text, "state-timeline": _lines, "table": _text}
KINDS |= {"timeseries": _lines}
"""How each type of panel is drawn."""

if __name__ == "__main__":
    typer.run(main)
