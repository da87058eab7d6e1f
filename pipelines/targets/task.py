"""What depends on the type of the target: the one object that all other code asks.

Each type has a class of its own: ``Binary``, ``Multiclass``, ``Regression``. No other code asks for the type.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from bundle import BinaryScores, Bins, MulticlassScores, RegressionScores, Target
from pipelines.config.params import GateParams, Metric
from pipelines.targets.calibration import BinSums
from pipelines.targets.check import Check

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Drawing", "Floats", "Outputs", "Task", "Truth"]

Truth = npt.NDArray[Any]
"""(n,) true values: codes of classes as int8, or numbers as float32."""

Outputs = npt.NDArray[np.floating[Any]]
"""Predictions of the model, (n,) or (n, outputs): docstring of ``bundle.Target.outputs``."""

Floats = npt.NDArray[np.float64]

S = TypeVar("S", BinaryScores, MulticlassScores, RegressionScores)

Drawing = Callable[["Axes"], object]
"""Draws one plot into empty axes."""


@dataclass(frozen=True)
class Task(ABC, Generic[S]):
    """How to train, score and judge a model of one target."""

    target: Target

    @property
    @abstractmethod
    def metrics(self) -> tuple[Metric, ...]:
        """By which a candidate can be compared with the champion; the first is the default."""

    @property
    @abstractmethod
    def objective(self) -> str:
        """XGBoost's name of what is minimised."""

    @property
    @abstractmethod
    def curve(self) -> tuple[str, str]:
        """Metric of the learning curve: XGBoost's name, and a plain one."""

    @property
    def booster_params(self) -> dict[str, Any]:
        """The parameters of XGBoost that follow from the target."""
        return {"objective": self.objective, "eval_metric": self.curve[0]}

    @property
    @abstractmethod
    def output_names(self) -> tuple[str, ...]:
        """Names of the model's outputs."""

    @property
    def explained(self) -> Sequence[int]:
        """Which outputs' contributions are averaged in the reference."""
        return range(self.target.outputs)

    # --- rows -------------------------------------------------------------------------------------------------------

    @abstractmethod
    def truth(self, values: npt.NDArray[Any]) -> Truth:
        """Return the true values of prepared rows as XGBoost takes them."""

    @abstractmethod
    def unlearnable(self, truth: Truth, *, train: bool) -> str:
        """Return why nothing can be learned from these rows, or measured on them: ``every row has …``; empty if it
        can."""

    def shares(self, truth: Truth) -> dict[str, float] | None:  # noqa: ARG002
        """Return the share of each class; None without classes."""
        return None

    # --- scores -----------------------------------------------------------------------------------------------------

    @abstractmethod
    def score(self, truth: Truth, outputs: Outputs) -> S:
        """Score predictions against true values."""

    @abstractmethod
    def headline(self, scores: S, *, base: bool = False) -> str:
        """Return the most important scores as text.

        Args:
            base: also the score of the prediction without a model.
        """

    @abstractmethod
    def row_losses(self, metric: Metric, truth: Truth, outputs: Outputs) -> Floats:
        """Return (n,) losses whose mean is the metric."""

    @abstractmethod
    def floors(self, scores: S, gate: GateParams) -> list[Check]:
        """Return the checks of the minimum scores that ``gate`` sets."""

    @abstractmethod
    def calibration(self, truth: Truth, outputs: Outputs) -> BinSums:
        """Return the bins that show whether predictions are right on average."""

    # --- the score that the API counts --------------------------------------------------------------------------------

    @abstractmethod
    def counted(self, outputs: Outputs) -> npt.NDArray[np.float32]:
        """Return (n,) values, one for each row, to measure drift by."""

    @abstractmethod
    def score_bins(self, outputs: Outputs, bins: int) -> Bins:
        """Return the bins of ``counted``, with the shares of these rows."""

    # --- plots --------------------------------------------------------------------------------------------------------

    @abstractmethod
    def drawings(self, truth: Truth, outputs: Outputs) -> dict[str, Drawing]:
        """Return plots of the predictions by the names of their files."""

    # --- comparison ---------------------------------------------------------------------------------------------------

    def not_comparable(self, champion: Target, metric: Metric) -> str:  # noqa: ARG002
        """Return what the champion's target has that this one does not; empty if the two can be compared."""
        if champion.type != self.target.type:
            return f"a target of type {champion.type}; schema.yaml now says {self.target.type}"
        return ""
