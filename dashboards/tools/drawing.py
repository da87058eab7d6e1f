"""Draw what a panel's queries have found into its place of the picture, one function a type of panel."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, PowerNorm
from matplotlib.ticker import FuncFormatter

from dashboards.tools.card import FAINT, INK, PAPER, Card, View, color_of, cut, time_axis, value_axis
from dashboards.tools.prometheus import Series
from dashboards.tools.tables import table
from dashboards.tools.units import show

__all__ = ["DRAW", "draw_panel"]

PALETTE = ("#2b6fd6", "#2f9e44", "#e8830c", "#8250df", "#d6293e", "#1b8a9e", "#b7950b", "#c2388e", "#5c7080", "#86c06c")
Answers = Mapping[str, list[Series]]
Panel = dict[str, Any]


def draw_panel(card: Card, panel: Panel, answers: Answers, view: View) -> None:
    """Draw the frame, the title and what the queries have found."""
    card.frame()
    card.text(0.1, 0.1, panel["title"], fontsize=9, fontweight="bold")
    if not any(not math.isnan(one.last) for found in answers.values() for one in found):
        card.text(card.width / 2, card.height / 2, "No data", fontsize=11, color=FAINT, ha="center", va="center")
        return
    DRAW[panel["type"]](card, panel, answers, view)


def _stat(card: Card, panel: Panel, answers: Answers, _: View) -> None:
    found, defaults = _all(answers), panel["fieldConfig"]["defaults"]
    mode = panel["options"].get("textMode", "auto")
    space = card.width / len(found)
    for place, one in enumerate(found):
        middle = space * (place + 0.5)
        value = one.name if mode == "name" else show(one.last, defaults["unit"], defaults.get("decimals"))
        size = min(26.0, space * 104 / max(len(value), 1), (card.height - 0.5) * 30)
        color = _color(panel, one.name) or _threshold(panel, one.last)
        card.text(middle, card.height * 0.52, value, fontsize=size, color=color, ha="center", va="center")
        if mode == "value_and_name":
            name = cut(one.name, max(8, int(space * 13)))
            card.text(middle, card.height - 0.14, name, fontsize=8, color=FAINT, ha="center", va="bottom")


def _timeseries(card: Card, panel: Panel, answers: Answers, view: View) -> None:
    found = [one for one in _all(answers) if not math.isnan(one.last)]
    colors = [_color(panel, one.name) or PALETTE[place % len(PALETTE)] for place, one in enumerate(found)]
    _, rows = card.legend_room([one.name for one in found])
    axes = card.axes(bottom=0.32 + 0.17 * rows)
    custom = panel["fieldConfig"]["defaults"]["custom"]
    stepped = custom.get("lineInterpolation") == "stepAfter"
    if custom.get("stacking", {}).get("mode") == "normal":
        _stack(axes, found, colors, stepped=stepped)
    else:
        for one, color in zip(found, colors, strict=True):
            style: dict[str, Any] = {"ls": (0, (4, 3))} if "custom.lineStyle" in _properties(panel, one.name) else {}
            style["drawstyle"] = "steps-post" if stepped else "default"
            axes.plot(_times(one), [value for _, value in one.points], color=color, lw=1.4, **style)  # type: ignore[arg-type]
    time_axis(axes, view)
    _bounds(axes, panel)
    value_axis(axes, panel["fieldConfig"]["defaults"]["unit"], whole=stepped)
    card.legend([(one.name, color) for one, color in zip(found, colors, strict=True)])


def _stack(axes: Axes, found: Sequence[Series], colors: Sequence[str], *, stepped: bool) -> None:
    moments = sorted({time for one in found for time, _ in one.points})
    rows = []
    for one in found:
        known = {time: value for time, value in one.points if not math.isnan(value)}
        rows.append([known.get(moment, 0.0) for moment in moments])
    times = [datetime.fromtimestamp(moment, UTC) for moment in moments]
    step = {"step": "post"} if stepped else {}
    axes.stackplot(times, rows, colors=colors, alpha=0.55, lw=0, **step)  # type: ignore[arg-type]


def _bounds(axes: Axes, panel: Panel) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    if "min" in defaults:
        axes.set_ylim(bottom=defaults["min"])
    if (top := defaults["custom"].get("axisSoftMax")) is not None:
        axes.set_ylim(top=max(top * 1.05, axes.get_ylim()[1]))
    low, high = axes.get_ylim()
    for one in defaults.get("thresholds", {}).get("steps", []):
        if one["value"] is not None and low <= one["value"] <= high:
            axes.axhline(one["value"], color=color_of(one["color"]), lw=0.9, ls=(0, (5, 4)), alpha=0.8)


def _heatmap(card: Card, panel: Panel, answers: Answers, view: View) -> None:
    (found,) = answers.values()
    buckets = panel["targets"][0].get("format") == "heatmap"
    rows = sorted(found, key=lambda one: float(one.labels["le"])) if buckets else list(reversed(found))
    moments = sorted({time for one in rows for time, _ in one.points})
    known = [dict(one.points) for one in rows]
    cells = np.array([[one.get(moment, math.nan) for moment in moments] for one in known])
    if buckets:
        cells = np.diff(cells, axis=0, prepend=0)
        cells[cells <= 0] = math.nan  # Grafana leaves empty ones out too (filterValues)
    options = panel["options"]["color"]
    low, high = options.get("min", 0), options.get("max", np.nanmax(cells))
    norm = Normalize(low, high) if options["exponent"] == 1 else PowerNorm(options["exponent"], low, high)
    axes = card.axes(left=0.7 if buckets else 1.3, right=0.75)
    step = min((after - before for before, after in pairwise(moments)), default=60.0)
    edges = [datetime.fromtimestamp(moment, UTC) for moment in [moments[0] - step, *moments]]
    colors = options["scheme"] + ("_r" if options.get("reverse") else "")
    mesh = axes.pcolormesh(edges, range(len(rows) + 1), cells, cmap=colors, norm=norm, edgecolors=PAPER, lw=0.3)  # type: ignore[arg-type]
    time_axis(axes, view)
    names = [show(float(one.name), "s") if buckets else cut(one.name, 18) for one in rows]
    axes.set_yticks([place + (1.0 if buckets else 0.5) for place in range(len(rows))], names)
    bar = card.figure.colorbar(mesh, ax=axes, pad=0.02, fraction=0.05, aspect=40)
    bar.outline.set_edgecolor(PAPER)
    bar.ax.tick_params(labelsize=7, colors=FAINT, length=0)
    unit = panel["fieldConfig"]["defaults"]["unit"]
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: show(value, unit)))


def _timeline(card: Card, panel: Panel, answers: Answers, view: View) -> None:
    found = list(reversed(_all(answers)))
    axes = card.axes(left=1.7)
    states = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    for place, one in enumerate(found):
        step = min((after - before for (before, _), (after, _) in pairwise(one.points)), default=60.0)
        for time, value in one.points:
            color = color_of(states.get(f"{value:g}", {"color": "text"})["color"])
            start, end = (datetime.fromtimestamp(moment, UTC) for moment in (time - step, time))
            axes.barh(place, end - start, left=start, height=0.7, color=color, alpha=0.75, lw=0)  # type: ignore[arg-type]
    time_axis(axes, view)
    axes.set_yticks(range(len(found)), [cut(one.name, 26) for one in found])
    axes.set_ylim(-0.6, max(len(found) - 0.4, 1.6))
    seen = {f"{value:g}" for one in found for _, value in one.points}
    for place, state in enumerate(sorted(seen & set(states), reverse=True)):
        x, mapped = card.width - 0.12 - 0.9 * place, states[state]
        card.text(x, 0.12, f"■ {mapped['text']}", fontsize=7.5, color=color_of(mapped["color"]), ha="right")


def _barchart(card: Card, panel: Panel, answers: Answers, _: View) -> None:
    rows, field = table(panel, answers), panel["options"]["xField"]
    names = [name for name in rows[0] if name != field]
    colors = [_color(panel, name) or PALETTE[place % len(PALETTE)] for place, name in enumerate(names)]
    labels = [cut(str(row[field]), 20) for row in rows]
    axes = card.axes(bottom=0.42 + 0.048 * max(map(len, labels)))
    width, unit = 0.8 / len(names), panel["fieldConfig"]["defaults"]["unit"]
    for number, name in enumerate(names):
        places = [place + width * (number - (len(names) - 1) / 2) for place in range(len(rows))]
        heights = [math.nan if row[name] is None else row[name] for row in rows]
        drawn = axes.bar(places, heights, width * 0.94, color=colors[number], alpha=0.85)
        if panel["options"].get("showValue") == "always":
            axes.bar_label(drawn, [show(one, unit) for one in heights], fontsize=7.5, color=INK)
    axes.set_xticks(range(len(rows)), labels, rotation=45, ha="right", rotation_mode="anchor")
    value_axis(axes, unit)
    card.legend(list(zip(names, colors, strict=True)))


def _table(card: Card, panel: Panel, answers: Answers, _: View) -> None:
    rows, decimals = table(panel, answers), panel["fieldConfig"]["defaults"].get("decimals")
    columns = list(rows[0])
    fit = int((card.height - 0.7) / 0.24)
    cells = [[show(row[name], _unit(panel, name), decimals) for name in columns] for row in rows]
    lengths = [max(len(name), *(len(row[place]) for row in cells)) + 2 for place, name in enumerate(columns)]
    left = 0.12
    for place, name in enumerate(columns):
        width = (card.width - 0.24) * lengths[place] / sum(lengths)
        card.text(left, 0.42, name, fontsize=8, color=FAINT, fontweight="bold")
        for line, row in enumerate(cells[:fit]):
            card.text(left, 0.68 + 0.24 * line, cut(row[place], max(4, int(width * 13))), fontsize=8)
        left += width


DRAW: dict[str, Callable[[Card, Panel, Answers, View], None]] = {
    "barchart": _barchart,
    "heatmap": _heatmap,
    "stat": _stat,
    "state-timeline": _timeline,
    "table": _table,
    "timeseries": _timeseries,
}
"""Every type of panel that can be drawn; a test holds the dashboards to it."""


def _all(answers: Answers) -> list[Series]:
    return [one for found in answers.values() for one in found]


def _times(series: Series) -> list[datetime]:
    return [datetime.fromtimestamp(time, UTC) for time, _ in series.points]


def _properties(panel: Panel, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in panel["fieldConfig"]["overrides"]:
        if one["matcher"] == {"id": "byName", "options": name}:
            found |= {each["id"]: each["value"] for each in one["properties"]}
    return found


def _color(panel: Panel, name: str) -> str | None:
    fixed = _properties(panel, name).get("color")
    return color_of(fixed["fixedColor"]) if fixed else None


def _unit(panel: Panel, name: str) -> str:
    return str(_properties(panel, name).get("unit", panel["fieldConfig"]["defaults"]["unit"]))


def _threshold(panel: Panel, value: float) -> str:
    color = "text"
    for one in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]:
        if one["value"] is None or value >= one["value"]:
            color = one["color"]
    return color_of(color)
