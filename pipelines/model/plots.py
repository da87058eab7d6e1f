"""Plots of model quality, as PNG files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.targets.task import Drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_plots", "save_picture"]

MAX_FEATURES = 20


def draw_plots(folder: Path, drawings: dict[str, Drawing], *, gains: dict[str, float]) -> list[Path]:
    """Draw the plots of the predictions, and the importance of the features; return the files."""
    pictures: dict[str, Drawing] = {**drawings, "importance": lambda ax: _draw_importance(ax, gains)}
    folder.mkdir(parents=True, exist_ok=True)
    return [save_picture(folder / f"{name}.png", draw) for name, draw in pictures.items()]


def save_picture(path: Path, draw: Drawing) -> Path:
    """Draw one plot, and write it as PNG; its title is the name of the file."""
    # The object interface instead of pyplot: no global state, no display, nothing to close.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.subplots()
    draw(ax)
    ax.set_title(path.stem.replace("_", " "))
    figure.savefig(path, dpi=110, metadata={"Software": None})
    return path


def _draw_importance(ax: Axes, gains: dict[str, float]) -> None:
    best = sorted(gains.items(), key=lambda item: item[1])[-MAX_FEATURES:]
    total = sum(gains.values()) or 1.0
    ax.barh([name for name, _ in best], [gain / total for _, gain in best])
    ax.set_xlabel("share of the total gain")
