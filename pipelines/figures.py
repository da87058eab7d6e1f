"""Figures for files and pages: no global state, no display, nothing to close."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["new_figure", "save_figure"]

DPI = 110
METADATA = {".svg": {"Date": None}}
PNG = {"Software": None}
"""The version of matplotlib and the time are left out: neither is to change a file."""


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, in inches."""
    # The object interface instead of pyplot.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, target: Path | IO[bytes]) -> None:
    """Write a figure as PNG, or as SVG if the name of the file ends so."""
    suffix = target.suffix.lower() if isinstance(target, Path) else ""
    figure.savefig(target, dpi=DPI, metadata=METADATA.get(suffix, PNG))
