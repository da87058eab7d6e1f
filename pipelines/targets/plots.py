"""Drawings of predictions against the truth, for the plots of ``evaluate``.

scikit-learn is imported when it is used: a stage that only knows the target starts a second earlier.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pipelines.targets.calibration import tenths

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "draw_calibration",
    "draw_confusion",
    "draw_coverage",
    "draw_precision_recall",
    "draw_predicted",
    "draw_residuals",
    "draw_roc",
    "draw_roc_by_class",
    "draw_scores",
]

Truth = npt.NDArray[Any]
Outputs = npt.NDArray[np.floating[Any]]

MAX_POINTS = 2000
"""Of a scatter plot: more only hide each other."""

MAX_NUMBERS = 12
"""Classes of a confusion matrix whose cells have room for a number."""

MAX_CURVES = 10
"""Classes with a curve of their own."""


def draw_roc(ax: Axes, truth: Truth, probabilities: Outputs) -> None:
    """Draw the ROC curve of two classes."""
    from sklearn.metrics import RocCurveDisplay

    RocCurveDisplay.from_predictions(truth, probabilities, ax=ax, plot_chance_level=True)


def draw_roc_by_class(ax: Axes, truth: Truth, probabilities: Outputs, classes: Sequence[str]) -> None:
    """Draw the ROC curve of each class against the rest: of the most frequent ones, if there are many."""
    from sklearn.metrics import roc_curve

    for code in np.argsort(-np.bincount(truth, minlength=len(classes)), kind="stable")[:MAX_CURVES]:
        if 0 < (truth == code).sum() < len(truth):
            false, true, _ = roc_curve(truth == code, probabilities[:, code])
            ax.plot(false, true, label=_plain(classes[code]))
    ax.plot([0, 1], [0, 1], color="black", linewidth=0.8, linestyle=":")
    ax.set_xlabel("false positive rate")
    ax.set_ylabel("true positive rate")
    ax.legend(loc="lower right")


def draw_precision_recall(ax: Axes, truth: Truth, probabilities: Outputs) -> None:
    """Draw precision against recall."""
    from sklearn.metrics import PrecisionRecallDisplay

    PrecisionRecallDisplay.from_predictions(truth, probabilities, ax=ax, plot_chance_level=True)


def draw_calibration(ax: Axes, happened: Truth, probabilities: Outputs) -> None:
    """Draw observed shares against predicted ones, in ten bins of as many rows."""
    from sklearn.calibration import CalibrationDisplay

    CalibrationDisplay.from_predictions(happened, probabilities, n_bins=10, strategy="quantile", ax=ax)


def draw_scores(ax: Axes, truth: Truth, probabilities: Outputs, classes: Sequence[str]) -> None:
    """Draw the distribution of the probability in each of two classes."""
    for label, name in enumerate(classes):
        ax.hist(probabilities[truth == label], bins=50, range=(0, 1), density=True, alpha=0.6, label=name)
    ax.set_xlabel("predicted probability")
    ax.set_ylabel("density")
    ax.legend(loc="upper left")  # "best" would search among all points


def draw_confusion(ax: Axes, truth: Truth, guessed: npt.NDArray[np.intp], classes: Sequence[str]) -> None:
    """Draw how often each class is predicted for the rows of each."""
    from sklearn.metrics import ConfusionMatrixDisplay

    ConfusionMatrixDisplay.from_predictions(
        truth,
        guessed,
        labels=range(len(classes)),
        display_labels=[_plain(name) for name in classes],
        include_values=len(classes) <= MAX_NUMBERS,
        xticks_rotation="vertical",
        cmap="Greens",
        ax=ax,
    )


def draw_predicted(ax: Axes, truth: Truth, values: Outputs, unit: str) -> None:
    """Draw predicted against true values."""
    places = _some(len(truth))
    ax.plot(truth[places], values[places], ".", markersize=4, alpha=0.6)
    ends = [float(min(truth.min(), values.min())), float(max(truth.max(), values.max()))]
    ax.plot(ends, ends, color="black", linewidth=0.8, linestyle=":")
    ax.set_xlabel(_with_unit("true value", unit))
    ax.set_ylabel(_with_unit("predicted value", unit))


def draw_residuals(ax: Axes, truth: Truth, values: Outputs, unit: str) -> None:
    """Draw what is left after the prediction, against the predicted value."""
    places = _some(len(truth))
    ax.plot(values[places], truth[places] - values[places], ".", markersize=4, alpha=0.6)
    ax.axhline(0, color="black", linewidth=0.8, linestyle=":")
    ax.set_xlabel(_with_unit("predicted value", unit))
    ax.set_ylabel(_with_unit("true value - predicted value", unit))


def draw_coverage(ax: Axes, truth: Truth, quantiles: Outputs, interval: float) -> None:
    """Draw the share of true values inside the interval, in each tenth of the rows by predicted median."""
    inside = (quantiles[:, 0] <= truth) & (truth <= quantiles[:, -1])
    medians, hits, rows = tenths(inside, quantiles[:, 1].astype(np.float64))
    used = rows > 0
    ax.plot(medians[used] / rows[used], hits[used] / rows[used], "o-")
    ax.axhline(interval, color="black", linewidth=0.8, linestyle=":")
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("mean predicted median")
    ax.set_ylabel("share of true values inside the interval")


def _some(rows: int) -> npt.NDArray[np.intp]:
    """Return the places of some rows: the same in every run."""
    return np.unique(np.linspace(0, rows - 1, min(rows, MAX_POINTS)).astype(np.intp))


def _with_unit(text: str, unit: str) -> str:
    return f"{text} in {_plain(unit)}" if unit else text


def _plain(text: str) -> str:
    return text.replace("$", r"\$")  # a "$" would start a formula
