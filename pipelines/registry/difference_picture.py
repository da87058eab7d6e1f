"""The picture of how two versions differ: importance of features, and the score of every slice, side by side."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.errors import InvalidParams
from pipelines.figures import new_figure, save_figure
from pipelines.registry.difference import Difference, Pair

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FORMATS", "check_picture", "draw_difference"]

FORMATS = (".png", ".svg")
FIRST, SECOND = "#666666", "#2a7f62"
MAX_FEATURES, MAX_SLICES = 20, 40
LINE_HEIGHT, MARGIN = 0.28, 1.4
"""Inches."""


def check_picture(path: Path) -> None:
    """Refuse a file that cannot be written, before the versions are downloaded.

    Raises:
        InvalidParams: another format, or no such folder.
    """
    if path.suffix.lower() not in FORMATS:
        raise InvalidParams(f"--picture {path}: write a name that ends in {' or '.join(FORMATS)}")
    if not path.parent.is_dir():
        raise InvalidParams(f"--picture {path}: there is no folder {path.parent}; create it, or write another one")


def draw_difference(path: Path, difference: Difference) -> None:
    """Draw the picture, and replace the file by it."""
    from matplotlib import rc_context

    features, slices = _features(difference), _slices(difference)
    parts = [part for part in ((features, "mean contribution"), (slices, difference.metric)) if part[0]]
    heights = [MARGIN + LINE_HEIGHT * len(pairs) for pairs, _ in parts] or [MARGIN]
    # Fixed, so that the same two versions give the same file.
    with rc_context({"svg.hashsalt": "espalier"}):
        figure = new_figure(8, 0.8 + sum(heights))
        same = ": the same model file" if difference.same_model else ""
        figure.suptitle(f"{difference.name}, version {difference.first} and {difference.second}{same}")
        axes = figure.subplots(len(heights), squeeze=False, height_ratios=heights)[:, 0]
        for ax, (pairs, title) in zip(axes, parts, strict=False):
            _draw_pairs(ax, pairs, title, difference)
        if not parts:
            axes[0].set_axis_off()
        written = path.with_name(f".{path.name}.{os.getpid()}{path.suffix}")
        save_figure(figure, written)
    written.replace(path)


def _features(difference: Difference) -> list[Pair]:
    return sorted(difference.importance, key=_largest)[-MAX_FEATURES:]


def _slices(difference: Difference) -> list[Pair]:
    """Return the slices that differ most, in the order of the versions."""
    kept = sorted(difference.slices, key=lambda pair: -abs(pair.difference or 0))[:MAX_SLICES]
    return [pair for pair in difference.slices if pair in kept][::-1]


def _largest(pair: Pair) -> float:
    return float(max(pair.first or 0, pair.second or 0))


def _draw_pairs(ax: Axes, pairs: Sequence[Pair], title: str, difference: Difference) -> None:
    """Draw what each version has as two dots on one line; a version without it has no dot."""
    for place, pair in enumerate(pairs):
        if pair.difference is not None:
            ax.plot([pair.first, pair.second], [place, place], color="#bbbbbb", linewidth=2, zorder=1)
    for number, colour, values in (
        (difference.first, FIRST, [pair.first for pair in pairs]),
        (difference.second, SECOND, [pair.second for pair in pairs]),
    ):
        shown = [(value, place) for place, value in enumerate(values) if value is not None]
        label = f"version {number}"
        ax.plot([value for value, _ in shown], [place for _, place in shown], "o", color=colour, label=label)
    # A "$" would start a formula.
    ax.set_yticks(range(len(pairs)), [pair.name.replace("$", r"\$") for pair in pairs])
    ax.set_ylim(-0.6, len(pairs) - 0.4)
    ax.set_title(title.replace("_", " "))
    ax.grid(axis="x", linewidth=0.4)
    ax.legend(loc="best", fontsize=8)
