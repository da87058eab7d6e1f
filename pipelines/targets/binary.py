"""Two classes: the model predicts the probability of the second."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bundle import BinaryScores, Bins
from pipelines.config.params import GateParams, Metric
from pipelines.targets import plots
from pipelines.targets.bins import equal_width_bins
from pipelines.targets.calibration import BinSums, calibration_bins, calibration_error
from pipelines.targets.check import Check, floors_of_classes
from pipelines.targets.task import Drawing, Floats, Outputs, Task, Truth

__all__ = ["Binary"]


class Binary(Task[BinaryScores]):
    """A target of two classes."""

    metrics = ("log_loss", "brier", "roc_auc", "pr_auc")
    objective = "binary:logistic"
    curve = ("logloss", "log loss")
    output_names = ("probability",)

    @property
    def threshold(self) -> float:
        """A probability at or above it gets the positive label."""
        return 0.5 if self.target.threshold is None else self.target.threshold

    def truth(self, values: npt.NDArray[Any]) -> Truth:
        """Return (n,) labels, 0 or 1."""
        return values.astype(np.int8)

    def unlearnable(self, truth: Truth, *, train: bool) -> str:  # noqa: ARG002
        """Return a text if only one class is present."""
        if (truth == truth[0]).all():
            return f"every row has {self.target.name} = {truth[0]:g}"
        return ""

    def shares(self, truth: Truth) -> dict[str, float]:
        """Return the share of each class."""
        share = float(truth.mean())
        return dict(zip(self.target.classes, (1 - share, share), strict=True))

    def score(self, truth: Truth, outputs: Outputs) -> BinaryScores:
        """Score (n,) probabilities against (n,) labels."""
        from sklearn import metrics  # here: prepare and validate start a second earlier without it

        likely = outputs.astype(np.float64)
        base_rate = float(truth.mean())
        both = 0 < base_rate < 1
        return BinaryScores(
            rows=len(truth),
            base_rate=base_rate,
            log_loss=float(metrics.log_loss(truth, likely, labels=[0, 1])),
            base_rate_log_loss=float(metrics.log_loss(truth, np.full(len(truth), base_rate))) if both else 0.0,
            brier=float(metrics.brier_score_loss(truth, likely)),
            accuracy=float(metrics.accuracy_score(truth, likely >= self.threshold)),
            calibration_error=calibration_error(truth, likely),
            roc_auc=float(metrics.roc_auc_score(truth, likely)) if both else None,
            pr_auc=float(metrics.average_precision_score(truth, likely)) if both else None,
        )

    def headline(self, scores: BinaryScores, *, base: bool = False) -> str:
        """Return ROC AUC and log loss."""
        without = f" (base rate {scores.base_rate_log_loss:.4f})" if base else ""
        return f"ROC AUC {scores.roc_auc or 0:.4f}, log loss {scores.log_loss:.4f}{without}"

    def row_losses(self, metric: Metric, truth: Truth, outputs: Outputs) -> Floats:
        """Return the log losses or squared errors of (n,) probabilities."""
        if metric == "brier":
            return np.asarray((outputs - truth) ** 2)
        tiny = np.finfo(np.float64).eps  # as scikit-learn's log_loss
        likely = np.clip(outputs, tiny, 1 - tiny)
        return np.asarray(-np.log(np.where(truth == 1, likely, 1 - likely)))

    def floors(self, scores: BinaryScores, gate: GateParams) -> list[Check]:
        """Return the checks of ROC AUC, accuracy, log loss and calibration."""
        return floors_of_classes(
            scores, gate, auc="ROC AUC", undefined="only one class is present", base="the base rate"
        )

    def calibration(self, truth: Truth, outputs: Outputs) -> BinSums:
        """Return ten bins of equal width of the probabilities."""
        return calibration_bins(truth, outputs.astype(np.float64))

    def counted(self, outputs: Outputs) -> npt.NDArray[np.float32]:
        """Return the probabilities."""
        return outputs.astype(np.float32)

    def score_bins(self, outputs: Outputs, bins: int) -> Bins:
        """Return bins of equal width between 0 and 1."""
        return equal_width_bins(outputs.astype(np.float32), bins)

    def drawings(self, truth: Truth, outputs: Outputs) -> dict[str, Drawing]:
        """Return ROC, precision-recall, calibration, and score by class."""
        return {
            "roc": lambda ax: plots.draw_roc(ax, truth, outputs),
            "precision_recall": lambda ax: plots.draw_precision_recall(ax, truth, outputs),
            "calibration": lambda ax: plots.draw_calibration(ax, truth, outputs),
            "score_by_class": lambda ax: plots.draw_scores(ax, truth, outputs, self.target.classes),
        }
