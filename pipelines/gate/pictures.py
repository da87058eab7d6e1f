"""Plots of a comparison with the champion, as PNG images."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from pipelines.figures import new_figure, save_figure
from pipelines.gate.evidence import Evidence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_pictures"]

GREEN, RED, GREY = "#2a7f62", "#b3423a", "#666666"
MAX_SLICES = 40


def draw_pictures(evidence: Evidence) -> dict[str, bytes]:
    """Return PNG images by their titles: the gain, its course over time, the slices, the calibration of both."""
    slices = sorted(evidence.slices, key=lambda slice_: slice_.gain)[:MAX_SLICES][::-1]
    drawings: dict[str, tuple[Callable[[Axes], None], float]] = {
        "Gain of the candidate, and its bounds": (lambda ax: _draw_gain(ax, evidence), 1.6)
    }
    if evidence.periods:
        drawings[f"Gain by block of {evidence.block}"] = (lambda ax: _draw_periods(ax, evidence), 3.2)
    if slices:
        bars = [(f"{s.column} {s.value}", s.gain, s.lower, s.upper) for s in slices]
        drawings["Gain by slice"] = (lambda ax: _draw_bars(ax, bars), 1.2 + 0.22 * len(bars))
    drawings["Calibration on the compared rows"] = (lambda ax: _draw_calibration(ax, evidence), 4.4)
    return {title: _png(draw, height) for title, (draw, height) in drawings.items()}


def _png(draw: Callable[[Axes], None], height: float) -> bytes:
    figure = new_figure(7.2, height)
    draw(figure.subplots())
    image = io.BytesIO()
    save_figure(figure, image)
    return image.getvalue()


def _draw_gain(ax: Axes, evidence: Evidence) -> None:
    _draw_bars(ax, [("all rows", evidence.gain, evidence.lower, evidence.upper)])
    margins = {-evidence.max_loss: "-max_loss", evidence.min_improvement: "min_improvement"}
    for margin, name in margins.items():
        if margin:
            ax.axvline(margin, color="black", linewidth=0.8, linestyle="--")
            ax.annotate(name, (margin, 0.7), ha="center", va="top", fontsize=8)
    ax.set_ylim(-0.8, 0.8)


def _draw_bars(ax: Axes, bars: list[tuple[str, float, float, float]]) -> None:
    """Draw each gain as a dot with its bounds; red below 0, green above, grey around it."""
    for place, (_, gain, lower, upper) in enumerate(bars):
        colour = RED if upper < 0 else GREEN if lower > 0 else GREY
        ax.plot([lower, upper], [place, place], color=colour, linewidth=2)
        ax.plot([gain], [place], "o", color=colour, markersize=5)
    ax.axvline(0, color="black", linewidth=0.8)
    # A "$" would start a formula.
    ax.set_yticks(range(len(bars)), [name.replace("$", r"\$") for name, *_ in bars])
    ax.set_xlabel("gain: right of 0 the candidate is better")


def _draw_periods(ax: Axes, evidence: Evidence) -> None:
    gains = [period.gain for period in evidence.periods]
    ax.bar(range(len(gains)), gains, color=[GREEN if gain > 0 else RED for gain in gains])
    ax.axhline(0, color="black", linewidth=0.8)
    ticks = sorted({0, len(gains) // 2, len(gains) - 1})
    ax.set_xticks(ticks, [evidence.periods[tick].start.removesuffix("T00:00") for tick in ticks])
    ax.set_ylabel("gain")


def _draw_calibration(ax: Axes, evidence: Evidence) -> None:
    every = [one for of_model in evidence.calibration.values() for one in of_model]
    ends = [0.0, 1.0]
    if not evidence.are_probabilities:
        values = [value for one in every for value in (one.predicted, one.observed)]
        ends = [min(values), max(values)]
    ax.plot(ends, ends, color="black", linewidth=0.8, linestyle=":")
    for name, colour in (("champion", GREY), ("candidate", GREEN)):
        own = evidence.calibration[name]
        ax.plot([one.predicted for one in own], [one.observed for one in own], "o-", color=colour, label=name)
    ax.set_xlabel("mean predicted probability" if evidence.are_probabilities else "mean predicted value")
    ax.set_ylabel("observed share" if evidence.are_probabilities else "mean true value")
    ax.legend(loc="upper left")
