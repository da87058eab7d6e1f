"""Plots of model quality, as PNG files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.figures import new_figure, save_figure
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
    figure = new_figure(6.4, 4.8)
    ax = figure.subplots()
    draw(ax)
    ax.set_title(path.stem.replace("_", " "))
    save_figure(figure, path)
    return path


def _draw_importance(ax: Axes, gains: dict[str, float]) -> None:
    best = sorted(gains.items(), key=lambda item: item[1])[-MAX_FEATURES:]
    total = sum(gains.values()) or 1.0
    ax.barh([name for name, _ in best], [gain / total for _, gain in best])
    ax.set_xlabel("share of the total gain")
