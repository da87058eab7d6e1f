"""Draw a dashboard's panels from a live Prometheus into a picture, without a Grafana.

    python -m dashboards.tools.render dashboards/espalier-model.json --url http://127.0.0.1:9090 --out model.png

It asks what the panels ask and draws what comes back, so that a picture in the docs can be made again by anybody, and a
panel without data says so. It is not Grafana: colours and layout are alike, pointers, links and menus are not there.
"""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dashboards.tools.card import FAINT, INK, Card, View
from dashboards.tools.drawing import draw_panel
from dashboards.tools.prometheus import Prometheus, Values, fetch, resolve
from dashboards.tools.queries import Window, annotation_queries, panel_queries, substitute

__all__ = ["draw", "main", "window_of"]

COLUMNS = 24
COLUMN, LINE, GAP, HEAD = 0.75, 0.38, 0.08, 0.75  # inches
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def window_of(ago: str, end: float) -> Window:
    """Return the time from ``now-6h`` or ``6h`` to ``end``."""
    match = re.fullmatch(r"(?:now-)?(\d+)([smhdw])", ago)
    if match is None:
        raise typer.BadParameter(f"{ago!r} is not a time such as 6h or now-7d")
    return Window(end - int(match[1]) * SECONDS[match[2]], end)


def draw(dashboard: dict[str, Any], prometheus: Prometheus, window: Window, values: Values) -> Figure:
    """Return the picture of a dashboard."""
    lines = max(one["gridPos"]["y"] + one["gridPos"]["h"] for one in dashboard["panels"])
    figure = Figure(figsize=(COLUMNS * COLUMN + GAP, lines * LINE + HEAD + GAP), dpi=100, facecolor="#f4f5f7")
    FigureCanvasAgg(figure)
    top = figure.get_size_inches()[1] - HEAD
    _head(figure, dashboard, window, values)
    view = View(window, _rollouts(dashboard, prometheus, window, values))
    for panel in dashboard["panels"]:
        card = _place(figure, panel["gridPos"], top)
        text = {**panel, "title": substitute(panel["title"], values)}
        if panel["type"] == "row":
            card.text(0.08, 0.12, panel["title"], fontsize=11, fontweight="bold")
        else:
            points = panel.get("maxDataPoints", 240)
            answers = {one.ref: fetch(one, prometheus, window, values, points) for one in panel_queries(panel)}
            draw_panel(card, text, answers, view)
    return figure


def main(
    dashboard: Annotated[Path, typer.Argument(help="Its JSON file.")],
    url: Annotated[str, typer.Option(help="Where Prometheus answers.")] = "http://127.0.0.1:9090",
    out: Annotated[Path | None, typer.Option(help="The picture; the dashboard's name with .png if not given.")] = None,
    ago: Annotated[str, typer.Option(help="How far back, such as 6h; as the dashboard opens if not given.")] = "",
    var: Annotated[
        list[str] | None, typer.Option(help="A variable's value: namespace=espalier. May be repeated.")
    ] = None,
) -> None:
    """Draw a dashboard's panels from a live Prometheus into a picture, without a Grafana."""
    found = json.loads(dashboard.read_text(encoding="utf-8"))
    window = window_of(ago or found["time"]["from"], time.time())
    given = dict(one.split("=", 1) for one in var or [])
    path = out or dashboard.with_suffix(".png").relative_to(dashboard.parent)
    with httpx.Client(base_url=url, timeout=60) as client:
        prometheus = Prometheus(client)
        figure = draw(found, prometheus, window, resolve(found, prometheus, window, given))
    figure.savefig(path)
    typer.echo(f"{path}: {found['title']}")


def _rollouts(dashboard: dict[str, Any], prometheus: Prometheus, window: Window, values: Values) -> list[float]:
    found = [fetch(one, prometheus, window, values) for one in annotation_queries(dashboard)]
    # An annotation lasts some minutes; its mark stands where it begins, and not where the picture does.
    begins = [one.points[0][0] for each in found for one in each]
    return [one for one in begins if one > window.start + window.step()]


def _head(figure: Figure, dashboard: dict[str, Any], window: Window, values: Values) -> None:
    wide, high = figure.get_size_inches()
    start, end = (datetime.fromtimestamp(one, UTC).strftime("%Y-%m-%d %H:%M") for one in (window.start, window.end))
    chosen = [f"{name} {one if isinstance(one, str) else ', '.join(one)}" for name, one in values.items()]
    y = 1 - 0.12 / high
    figure.text(0.1 / wide, y, dashboard["title"], fontsize=15, fontweight="bold", color=INK, va="top")
    note = (
        "Drawn by dashboards/tools/render.py from Prometheus with the same queries. Not Grafana. Dotted: a new version."
    )
    figure.text(0.1 / wide, 1 - 0.47 / high, note, fontsize=9, color=FAINT, va="top")
    figure.text(1 - 0.1 / wide, y, f"{start} to {end} UTC", fontsize=10, color=INK, va="top", ha="right")
    figure.text(1 - 0.1 / wide, 1 - 0.47 / high, "   ".join(chosen), fontsize=9, color=FAINT, va="top", ha="right")


def _place(figure: Figure, grid: dict[str, int], top: float) -> Card:
    return Card(
        figure,
        left=grid["x"] * COLUMN + GAP,
        bottom=top - (grid["y"] + grid["h"]) * LINE + GAP,
        width=grid["w"] * COLUMN - GAP,
        height=grid["h"] * LINE - GAP,
    )


if __name__ == "__main__":
    typer.run(main)
