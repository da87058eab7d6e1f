"""Three or more classes: the model predicts the probability of each."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bundle import Bins, MulticlassScores, Target
from pipelines.config.params import GateParams, Metric
from pipelines.targets import plots
from pipelines.targets.bins import class_bins
from pipelines.targets.calibration import BinSums, calibration_bins, calibration_error
from pipelines.targets.check import Check, floors_of_classes
from pipelines.targets.task import Drawing, Floats, Outputs, Task, Truth

__all__ = ["Multiclass"]


class Multiclass(Task[MulticlassScores]):
    """A target of three or more classes."""

    metrics = ("log_loss", "brier")
    objective = "multi:softprob"
    curve = ("mlogloss", "log loss")

    @property
    def booster_params(self) -> dict[str, Any]:
        """The objective, and the number of classes."""
        return {**super().booster_params, "num_class": len(self.target.classes)}

    @property
    def output_names(self) -> tuple[str, ...]:
        """The classes."""
        return self.target.classes

    def truth(self, values: npt.NDArray[Any]) -> Truth:
        """Return (n,) codes, 0 … k-1."""
        return values.astype(np.int8)

    def unlearnable(self, truth: Truth, *, train: bool) -> str:
        """Return a text if only one class is present, or one is not among the training rows."""
        if (truth == truth[0]).all():
            return f"every row has {self.target.name} = {self.target.classes[truth[0]]}"
        missing = self._missing(truth)
        return f"no row has {self.target.name} = {', '.join(missing)}" if train and missing else ""

    def shares(self, truth: Truth) -> dict[str, float]:
        """Return the share of each class."""
        counts = np.bincount(truth, minlength=len(self.target.classes)) / len(truth)
        return dict(zip(self.target.classes, counts.tolist(), strict=True))

    def score(self, truth: Truth, outputs: Outputs) -> MulticlassScores:
        """Score (n, classes) probabilities against (n,) codes."""
        from sklearn.metrics import roc_auc_score  # as in Binary.score

        likely, codes = outputs.astype(np.float64), np.arange(len(self.target.classes))
        shares = np.bincount(truth, minlength=len(codes)) / len(truth)
        guessed = likely.argmax(axis=1)
        right = guessed == truth
        return MulticlassScores(
            rows=len(truth),
            class_shares=self.shares(truth),
            log_loss=float(self.row_losses("log_loss", truth, likely).mean()),
            base_rate_log_loss=float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum()) + 0.0,
            brier=float(self.row_losses("brier", truth, likely).mean()),
            accuracy=float(right.mean()),
            balanced_accuracy=float(np.mean([right[truth == code].mean() for code in codes if shares[code]])),
            calibration_error=calibration_error(right, likely.max(axis=1)),
            roc_auc=float(np.mean([roc_auc_score(truth == code, likely[:, code]) for code in codes]))
            if shares.all()
            else None,
        )

    def headline(self, scores: MulticlassScores, *, base: bool = False) -> str:
        """Return accuracy and log loss."""
        without = f" (base rate {scores.base_rate_log_loss:.4f})" if base else ""
        return f"accuracy {scores.accuracy:.4f}, log loss {scores.log_loss:.4f}{without}"

    def row_losses(self, metric: Metric, truth: Truth, outputs: Outputs) -> Floats:
        """Return the log losses, or the sums of squared errors over the classes."""
        own = np.take_along_axis(outputs, truth[:, None].astype(np.intp), axis=1)[:, 0]
        if metric == "brier":
            return np.asarray((outputs**2).sum(axis=1) - 2 * own + 1)
        tiny = np.finfo(np.float64).eps
        return np.asarray(-np.log(np.clip(own, tiny, 1 - tiny)))

    def floors(self, scores: MulticlassScores, gate: GateParams) -> list[Check]:
        """Return the checks of ROC AUC, accuracy, log loss and calibration."""
        missing = ", ".join(name for name, share in scores.class_shares.items() if not share)
        return floors_of_classes(
            scores,
            gate,
            auc="mean ROC AUC of a class against the rest",
            undefined=f"no test row has the class {missing}",
            base="the shares of the classes",
        )

    def calibration(self, truth: Truth, outputs: Outputs) -> BinSums:
        """Return ten bins of equal width of the probability of the predicted class."""
        return calibration_bins(outputs.argmax(axis=1) == truth, outputs.max(axis=1).astype(np.float64))

    def counted(self, outputs: Outputs) -> npt.NDArray[np.float32]:
        """Return the code of the class with the largest probability; of equal ones the first."""
        return np.asarray(outputs.argmax(axis=1), dtype=np.float32)

    def score_bins(self, outputs: Outputs, bins: int) -> Bins:  # noqa: ARG002
        """Return one bin for each predicted class."""
        return class_bins(outputs.argmax(axis=1), self.target.classes)

    def drawings(self, truth: Truth, outputs: Outputs) -> dict[str, Drawing]:
        """Return confusion matrix, calibration, and ROC of each class against the rest."""
        guessed, classes = outputs.argmax(axis=1), self.target.classes
        return {
            "confusion_matrix": lambda ax: plots.draw_confusion(ax, truth, guessed, classes),
            "calibration": lambda ax: plots.draw_calibration(ax, guessed == truth, outputs.max(axis=1)),
            "roc": lambda ax: plots.draw_roc_by_class(ax, truth, outputs, classes),
        }

    def not_comparable(self, champion: Target, metric: Metric) -> str:
        """Return a text if the champion has other classes, or the same in another order."""
        problem = super().not_comparable(champion, metric)
        if not problem and champion.classes != self.target.classes:
            return f"the classes {', '.join(champion.classes)}; schema.yaml now has {', '.join(self.target.classes)}"
        return problem

    def _missing(self, truth: Truth) -> list[str]:
        return [name for code, name in enumerate(self.target.classes) if not (truth == code).any()]
