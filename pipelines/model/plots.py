"""Plots of model quality, as PNG files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import PrecisionRecallDisplay, RocCurveDisplay

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_plots"]

Labels = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float32]

MAX_FEATURES = 20


def draw_plots(
    folder: Path,
    truth: Labels,
    probabilities: Floats,
    *,
    gains: dict[str, float],
    classes: tuple[str, str],
) -> list[Path]:
    """Draw ROC, precision-recall, calibration, importance and score by class; return the files."""
    pictures: dict[str, Callable[[Axes], object]] = {
        "roc": lambda ax: RocCurveDisplay.from_predictions(truth, probabilities, ax=ax, plot_chance_level=True),
        "precision_recall": lambda ax: PrecisionRecallDisplay.from_predictions(
            truth, probabilities, ax=ax, plot_chance_level=True
        ),
        "calibration": lambda ax: CalibrationDisplay.from_predictions(
            truth, probabilities, n_bins=10, strategy="quantile", ax=ax
        ),
        "importance": lambda ax: _draw_importance(ax, gains),
        "score_by_class": lambda ax: _draw_scores(ax, truth, probabilities, classes),
    }
    folder.mkdir(parents=True, exist_ok=True)
    return [_save(folder / f"{name}.png", draw) for name, draw in pictures.items()]


def _save(path: Path, draw: Callable[[Axes], object]) -> Path:
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


def _draw_scores(ax: Axes, truth: Labels, probabilities: Floats, classes: tuple[str, str]) -> None:
    for label, name in enumerate(classes):
        ax.hist(probabilities[truth == label], bins=50, range=(0, 1), density=True, alpha=0.6, label=name)
    ax.set_xlabel("predicted probability")
    ax.set_ylabel("density")
    ax.legend(loc="upper left")  # "best" would search among all points
