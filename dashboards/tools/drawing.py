"""Draw one panel's answers into its place of the picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import shorten
from typing import Any

import numpy as np
from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from dashboards.tools.prometheus import Series
from dashboards.tools.queries import Window
from dashboards.tools.tables import table
from dashboards.tools.units import show

__all__ = ["DRAW", "Card", "draw_panel"]

INK, FAINT, RULE, PAPER = "#24292e", "#6e7781", "#e3e6ea", "#ffffff"
NAMED = {"text": INK, "green": "#2f9e44", "orange": "#e8830c", "red": "#d6293e", "blue": "#2b6fd6"}
PALETTE = ("#2b6fd6", "#2f9e44", "#e8830c", "#8250df", "#d6293e", "#1b8a9e", "#b7950b", "#c2388e", "#5c7080", "#86c06c")
SCHEMES = {"Blues": "Blues", "RdYlGn": "RdYlGn"}
LEGEND_ROWS = 3
DAY = 86400
Answers = Mapping[str, list[Series]]
Panel = dict[str, Any]


@dataclass(frozen=True)
class Card:
    """A panel's place, in inches from the picture's lower left corner."""

    figure: Figure
    left: float
    bottom: float
    width: float
    height: float

    def text(self, x: float, y: float, text: str, **style: Any) -> None:
        """Write at (x, y) inches from the card's upper left corner."""
        wide, high = self.figure.get_size_inches()
        where = ((self.left + x) / wide, (self.bottom + self.height - y) / high)
        self.figure.text(*where, text, **{"color": INK, "va": "top", **style})

    def axes(self, left: float = 0.62, bottom: float = 0.3, right: float = 0.15, top: float = 0.42) -> Axes:
        """Return axes that leave so many inches to each side."""
        wide, high = self.figure.get_size_inches()
        width, height = self.width - left - right, self.height - bottom - top
        return self.figure.add_axes(
            ((self.left + left) / wide, (self.bottom + bottom) / high, width / wide, height / high)
        )

    def frame(self) -> None:
        """Draw its edge."""
        wide, high = self.figure.get_size_inches()
        self.figure.add_artist(
            FancyBboxPatch(
                (self.left / wide, self.bottom / high),
                self.width / wide,
                self.height / high,
                boxstyle="square,pad=0",
                facecolor=PAPER,
                edgecolor=RULE,
                linewidth=0.8,
                zorder=-1,
            )
        )


def draw_panel(card: Card, panel: Panel, answers: Answers, window: Window) -> None:
    """Draw the frame, the title and what the queries have found."""
    card.frame()
    card.text(0.1, 0.1, panel["title"], fontsize=9, fontweight="bold")
    if not any(not math.isnan(one.last) for found in answers.values() for one in found):
        card.text(card.width / 2, card.height / 2, "No data", fontsize=11, color=FAINT, ha="center", va="center")
        return
    DRAW[panel["type"]](card, panel, answers, window)


def _stat(card: Card, panel: Panel, answers: Answers, _: Window) -> None:
    found = [one for each in answers.values() for one in each]
    named = panel["options"].get("textMode") == "value_and_name" or len(found) > 1
    for place, one in enumerate(found):
        middle = card.width * (place + 0.5) / len(found)
        defaults = panel["fieldConfig"]["defaults"]
        value, color = show(one.last, defaults["unit"], defaults.get("decimals")), _threshold(panel, one.last)
        room = card.width / len(found) * 72 / max(len(value), 1)
        size = min(26.0, room * 1.45, (card.height - 0.5) * 30)
        card.text(middle, card.height * 0.52, value, fontsize=size, color=color, ha="center", va="center")
        if named:
            name = shorten(one.name, max(8, int(card.width / len(found) * 13)), placeholder="…")
            card.text(middle, card.height - 0.14, name, fontsize=8, color=FAINT, ha="center", va="bottom")


def _timeseries(card: Card, panel: Panel, answers: Answers, window: Window) -> None:
    found = [one for each in answers.values() for one in each if not math.isnan(one.last)]
    shown = _legend_room(card, found)
    axes = card.axes(bottom=0.32 + 0.17 * shown[1])
    custom = panel["fieldConfig"]["defaults"].get("custom", {})
    step = "steps-post" if custom.get("lineInterpolation") == "stepAfter" else "default"
    if custom.get("stacking", {}).get("mode") == "normal":
        _stack(axes, panel, found, step)
    else:
        for place, one in enumerate(found):
            style = {"linestyle": (0, (4, 3))} if _dashed(panel, one.name) else {}
            times, values = _xy(one)
            axes.plot(times, values, color=_color(panel, one.name, place), lw=1.4, drawstyle=step, **style)  # type: ignore[arg-type]
    _finish(axes, panel, window)
    _legend(card, [(one.name, _color(panel, one.name, place)) for place, one in enumerate(found)], *shown)


def _stack(axes: Axes, panel: Panel, found: Sequence[Series], step: str) -> None:
    moments = sorted({time for one in found for time, _ in one.points})
    rows = []
    for one in found:
        known = {time: value for time, value in one.points if not math.isnan(value)}
        rows.append([known.get(moment, 0.0) for moment in moments])
    colors = [_color(panel, one.name, place) for place, one in enumerate(found)]
    times = [datetime.fromtimestamp(moment, UTC) for moment in moments]
    axes.stackplot(times, rows, colors=colors, alpha=0.55, lw=0, step="post" if step != "default" else None)  # type: ignore[arg-type]


def _finish(axes: Axes, panel: Panel, window: Window) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    _time_axis(axes, window)
    if "min" in defaults:
        axes.set_ylim(bottom=defaults["min"])
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=_whole(defaults)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: show(value, defaults["unit"])))
    axes.grid(axis="y", color=RULE, lw=0.7)
    for one in defaults.get("thresholds", {}).get("steps", []):
        low, high = axes.get_ylim()
        if one["value"] is not None and low <= one["value"] <= high and "thresholdsStyle" in defaults["custom"]:
            axes.axhline(one["value"], color=_named(one["color"]), lw=0.9, ls=(0, (5, 4)), alpha=0.8)


def _whole(defaults: dict[str, Any]) -> bool:
    # A count of pods has no ticks between whole numbers.
    return bool(defaults.get("custom", {}).get("lineInterpolation") == "stepAfter")


def _time_axis(axes: Axes, window: Window) -> None:
    start, end = (datetime.fromtimestamp(moment, UTC) for moment in (window.start, window.end))
    axes.set_xlim(start, end)  # type: ignore[arg-type]
    form = "%H:%M" if window.end - window.start <= DAY else "%m-%d %H:%M"
    locator = dates.AutoDateLocator(tz=UTC, minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.DateFormatter(form, tz=UTC))  # type: ignore[no-untyped-call]
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.tick_params(labelsize=7.5, colors=FAINT, length=0)
    axes.set_axisbelow(True)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(RULE)


def _legend_room(card: Card, found: Sequence[Series]) -> tuple[int, int]:
    longest = max((len(one.name) for one in found), default=1)
    columns = max(1, min(len(found), int((card.width - 0.4) / (0.3 + 0.068 * min(longest, 34)))))
    return columns, min(LEGEND_ROWS, math.ceil(len(found) / columns))


def _legend(card: Card, entries: Sequence[tuple[str, str]], columns: int, rows: int) -> None:
    shown = list(entries[: columns * rows])
    if len(entries) > len(shown):
        shown[-1] = (f"and {len(entries) - len(shown) + 1} more", FAINT)
    cell = (card.width - 0.4) / columns
    for place, (name, color) in enumerate(shown):
        x, y = 0.3 + cell * (place % columns), card.height - 0.17 * (rows - place // columns) - 0.02
        card.text(x, y, "■", fontsize=7, color=color)
        card.text(x + 0.12, y, shorten(name, 36, placeholder="…"), fontsize=7.5, color=FAINT)


def _heatmap(card: Card, panel: Panel, answers: Answers, window: Window) -> None:
    (found,) = answers.values()
    buckets = panel["targets"][0].get("format") == "heatmap"
    rows = sorted(found, key=lambda one: float(one.labels["le"])) if buckets else list(reversed(found))
    moments = sorted({time for one in rows for time, _ in one.points})
    cells = np.array([[dict(one.points).get(moment, math.nan) for moment in moments] for one in rows])
    if buckets:
        cells = np.diff(cells, axis=0, prepend=0)
        cells[cells <= 0] = math.nan  # Grafana leaves empty ones out too (filterValues)
    options = panel["options"]["color"]
    low, high = options.get("min", 0), options.get("max", np.nanmax(cells))
    exponent = options.get("exponent", 1)
    norm = PowerNorm(exponent, low, high) if exponent != 1 else Normalize(low, high)
    axes = card.axes(left=1.25 if not buckets else 0.7, right=0.75)
    step = moments[1] - moments[0] if len(moments) > 1 else 60.0
    edges = [datetime.fromtimestamp(moment, UTC) for moment in [*(one - step for one in moments[:1]), *moments]]
    scheme = SCHEMES[options["scheme"]] + ("_r" if options.get("reverse") else "")
    mesh = axes.pcolormesh(edges, range(len(rows) + 1), cells, cmap=scheme, norm=norm, edgecolors=PAPER, lw=0.3)  # type: ignore[arg-type]
    _time_axis(axes, window)
    names = [show(float(one.name), "s") if buckets else one.name for one in rows]
    axes.set_yticks([place + (1.0 if buckets else 0.5) for place in range(len(rows))], names)
    unit = panel["fieldConfig"]["defaults"]["unit"]
    bar = card.figure.colorbar(mesh, ax=axes, pad=0.02, fraction=0.05, aspect=40)
    bar.ax.tick_params(labelsize=7, colors=FAINT, length=0)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: show(value, unit)))
    bar.outline.set_visible(False)  # type: ignore[operator]


def _timeline(card: Card, panel: Panel, answers: Answers, window: Window) -> None:
    found = [one for each in answers.values() for one in each]
    axes = card.axes(left=1.5)
    states = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    for place, one in enumerate(reversed(found)):
        step = min((b - a for (a, _), (b, _) in zip(one.points, one.points[1:], strict=False)), default=60.0)
        for time, value in one.points:
            state = states.get(f"{value:g}", {"color": "text"})
            start = datetime.fromtimestamp(time - step, UTC)
            end = datetime.fromtimestamp(time, UTC)
            axes.barh(place, end - start, left=start, height=0.7, color=_named(state["color"]), alpha=0.75, lw=0)  # type: ignore[arg-type]
    _time_axis(axes, window)
    axes.set_yticks(range(len(found)), [one.name for one in reversed(found)])
    axes.set_ylim(-0.6, max(len(found) - 0.4, 1.6))


def _barchart(card: Card, panel: Panel, answers: Answers, _: Window) -> None:
    rows, field = table(panel, answers), panel["options"]["xField"]
    names = [name for name in rows[0] if name != field]
    longest = max(len(str(row[field])) for row in rows)
    axes = card.axes(bottom=0.42 + 0.062 * min(longest, 16) + 0.12)
    width = 0.8 / len(names)
    unit = panel["fieldConfig"]["defaults"]["unit"]
    for number, name in enumerate(names):
        places = [place + width * (number - (len(names) - 1) / 2) for place in range(len(rows))]
        heights = [row[name] if row[name] is not None else math.nan for row in rows]
        drawn = axes.bar(places, heights, width * 0.94, color=_color(panel, name, number), alpha=0.85)
        if panel["options"].get("showValue") == "always":
            axes.bar_label(drawn, [show(one, unit) for one in heights], fontsize=7.5, color=INK)
    labels = [shorten(str(row[field]), 16, placeholder="…") for row in rows]
    axes.set_xticks(range(len(rows)), labels, rotation=45, ha="right", rotation_mode="anchor")
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: show(value, unit)))
    axes.grid(axis="y", color=RULE, lw=0.7)
    _plain(axes)
    _legend(card, [(name, _color(panel, name, number)) for number, name in enumerate(names)], len(names), 1)


def _table(card: Card, panel: Panel, answers: Answers, _: Window) -> None:
    rows = table(panel, answers)
    defaults = panel["fieldConfig"]["defaults"]
    columns = list(rows[0])
    fit = int((card.height - 0.7) / 0.24)
    cells = [[show(row[name], _unit(panel, name), defaults.get("decimals")) for name in columns] for row in rows]
    lengths = [max(len(name), *(len(row[place]) for row in cells)) + 2 for place, name in enumerate(columns)]
    left = 0.12
    for place, name in enumerate(columns):
        width = (card.width - 0.24) * lengths[place] / sum(lengths)
        card.text(left, 0.42, name, fontsize=8, color=FAINT, fontweight="bold")
        for line, row in enumerate(cells[:fit]):
            text = shorten(row[place], max(4, int(width * 14)), placeholder="…") if " " in row[place] else row[place]
            card.text(left, 0.68 + 0.24 * line, text[: max(4, int(width * 14))], fontsize=8)
        left += width


DRAW: dict[str, Callable[[Card, Panel, Answers, Window], None]] = {
    "barchart": _barchart,
    "heatmap": _heatmap,
    "stat": _stat,
    "state-timeline": _timeline,
    "table": _table,
    "timeseries": _timeseries,
}
"""Every type of panel that can be drawn; a test holds the dashboards to it."""


def _xy(series: Series) -> tuple[list[datetime], list[float]]:
    return [datetime.fromtimestamp(time, UTC) for time, _ in series.points], [value for _, value in series.points]


def _properties(panel: Panel, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in panel["fieldConfig"]["overrides"]:
        if one["matcher"] == {"id": "byName", "options": name}:
            found |= {each["id"]: each["value"] for each in one["properties"]}
    return found


def _color(panel: Panel, name: str, place: int) -> str:
    fixed = _properties(panel, name).get("color", {}).get("fixedColor")
    return _named(fixed) if fixed else PALETTE[place % len(PALETTE)]


def _dashed(panel: Panel, name: str) -> bool:
    return "custom.lineStyle" in _properties(panel, name)


def _unit(panel: Panel, name: str) -> str:
    return str(_properties(panel, name).get("unit", panel["fieldConfig"]["defaults"]["unit"]))


def _threshold(panel: Panel, value: float) -> str:
    color = "text"
    for one in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]:
        if one["value"] is None or value >= one["value"]:
            color = one["color"]
    return _named(color)


def _named(color: str) -> str:
    return NAMED.get(color, color)
