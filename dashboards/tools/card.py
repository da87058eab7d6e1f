"""One panel's place in the picture, and how it looks: frame, text, axes, legend, colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from dashboards.tools.queries import Window
from dashboards.tools.units import scale_of, show

__all__ = ["FAINT", "INK", "PAPER", "Card", "View", "color_of", "cut", "time_axis", "value_axis"]

INK, FAINT, RULE, PAPER = "#24292e", "#6e7781", "#e3e6ea", "#ffffff"
NAMED = {"text": INK, "green": "#2f9e44", "orange": "#e8830c", "red": "#d6293e", "blue": "#2b6fd6"}
LETTER = 0.068  # inches of the legend's type
LEGEND_ROWS = 3
LONGEST = 34
DAY = 86400


@dataclass(frozen=True)
class View:
    """The time that is drawn, and the moments marked in it."""

    window: Window
    marks: Sequence[float] = ()


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
        axes = self.figure.add_axes(
            ((self.left + left) / wide, (self.bottom + bottom) / high, width / wide, height / high)
        )
        axes.tick_params(labelsize=7.5, colors=FAINT, length=0)
        axes.set_axisbelow(True)
        for name, spine in axes.spines.items():
            spine.set_visible(name == "bottom")
            spine.set_color(RULE)
        return axes

    def frame(self) -> None:
        """Draw its edge."""
        wide, high = self.figure.get_size_inches()
        place = ((self.left / wide, self.bottom / high), self.width / wide, self.height / high)
        self.figure.add_artist(Rectangle(*place, facecolor=PAPER, edgecolor=RULE, linewidth=0.8, zorder=-1))

    def legend_room(self, names: Sequence[str]) -> tuple[int, int]:
        """Return how many columns and rows the names need."""
        columns = max(1, min(len(names), int((self.width - 0.4) / self._cell(names))))
        return columns, min(LEGEND_ROWS, math.ceil(len(names) / columns))

    def legend(self, entries: Sequence[tuple[str, str]]) -> None:
        """Write (name, colour) at the lower edge."""
        names = [name for name, _ in entries]
        columns, rows = self.legend_room(names)
        shown = list(entries[: columns * rows])
        if len(entries) > len(shown):
            shown[-1] = (f"and {len(entries) - len(shown) + 1} more", FAINT)
        for place, (name, color) in enumerate(shown):
            x, y = 0.2 + self._cell(names) * (place % columns), self.height - 0.17 * (rows - place // columns) - 0.02
            self.text(x, y, "■", fontsize=7, color=color)
            self.text(x + 0.12, y, cut(name, LONGEST), fontsize=7.5, color=FAINT)

    @staticmethod
    def _cell(names: Sequence[str]) -> float:
        return 0.35 + LETTER * min(max(map(len, names), default=1), LONGEST)


def time_axis(axes: Axes, view: View) -> None:
    """Put the time below the axes, and its marks into them."""
    start, end = (datetime.fromtimestamp(moment, UTC) for moment in (view.window.start, view.window.end))
    axes.set_xlim(start, end)  # type: ignore[arg-type]
    form = "%H:%M" if view.window.end - view.window.start <= DAY else "%m-%d %H:%M"
    locator = dates.AutoDateLocator(tz=UTC, minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.DateFormatter(form, tz=UTC))  # type: ignore[no-untyped-call]
    for mark in view.marks:
        axes.axvline(datetime.fromtimestamp(mark, UTC), color=NAMED["blue"], lw=0.9, ls=(0, (1, 2)))  # type: ignore[arg-type]


def value_axis(axes: Axes, unit: str, *, whole: bool = False) -> None:
    """Put the values beside the axes, at round numbers of the unit that they are shown in."""
    low, high = axes.get_ylim()
    scale = scale_of(unit, high)
    ticks = MaxNLocator(5, integer=whole).tick_values(low / scale, high / scale)
    axes.yaxis.set_major_locator(FixedLocator([one * scale for one in ticks if low <= one * scale <= high]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: show(value, unit)))
    axes.grid(axis="y", color=RULE, lw=0.7)


def color_of(name: str) -> str:
    """Return Grafana's named colour as it is here, or the colour itself."""
    return NAMED.get(name, name)


def cut(text: str, length: int) -> str:
    """Shorten a text."""
    return text if len(text) <= length else text[: max(length - 1, 1)] + "…"
