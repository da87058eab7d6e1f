"""metrics.json: scores of the model on the test rows, in total and by slice.

Each type of target has scores of its own, with other names, so that no file fits two of them. ``base`` in a name is the
prediction without a model: the same for every row, and the best such one for these rows.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bundle.target import FrozenModel, is_none

__all__ = [
    "BinaryScores",
    "BundleMetrics",
    "DecisionCosts",
    "MulticlassScores",
    "PlattScaling",
    "RegressionScores",
    "Scores",
    "SliceScores",
    "StoppedEarly",
]


class _Scores(FrozenModel):
    rows: int = Field(ge=1)

    @property
    def figures(self) -> dict[str, float]:
        """The scores that are single numbers, by name."""
        return {name: float(value) for name, value in self if isinstance(value, int | float)}


class BinaryScores(_Scores):
    """Scores of probabilities of the positive class. A ranking metric is None if only one class is present."""

    base_rate: float
    """Share of the positive class."""

    log_loss: float
    base_rate_log_loss: float
    """Log loss of always predicting the base rate, which a model must beat."""

    brier: float
    accuracy: float
    """At the contract's threshold."""

    calibration_error: float
    """Expected calibration error over ten equal-width bins.
    Source: Naeini, Cooper, Hauskrecht, AAAI 2015."""

    roc_auc: float | None = None
    pr_auc: float | None = None


class MulticlassScores(_Scores):
    """Scores of probabilities of three or more classes."""

    class_shares: dict[str, float]
    """Share of the rows of every class."""

    log_loss: float
    base_rate_log_loss: float
    """Log loss of always predicting ``class_shares``."""

    brier: float
    """Mean over the rows of the sum of squared errors over the classes, 0 to 2.
    Source: Brier, Verification of Forecasts Expressed in Terms of Probability, 1950."""

    accuracy: float
    balanced_accuracy: float
    """Mean of the classes' recalls."""

    calibration_error: float
    """As for two classes, of the probability of the predicted class."""

    roc_auc: float | None = None
    """Mean over the classes, each against the rest; None if a class is not present."""


class RegressionScores(_Scores):
    """Scores of predicted values, in the unit of the target."""

    mse: float
    base_mse: float
    """Mean squared error of always predicting the mean."""

    mae: float
    base_mae: float
    """Mean absolute error of always predicting the median."""

    rmse: float
    r2: float | None = None
    """Share of the variance that the model explains; None if all values are equal."""

    pinball_loss: float | None = None
    """Mean over the rows and the predicted quantiles; None without an interval.
    Source: Koenker, Bassett, Regression Quantiles, Econometrica 46, 1978."""

    base_pinball_loss: float | None = None
    """Pinball loss of always predicting these quantiles of the rows."""

    coverage: float | None = None
    """Share of the values inside the predicted interval."""

    interval_width: float | None = None
    """Mean width of the interval."""


Scores = BinaryScores | MulticlassScores | RegressionScores


class SliceScores(FrozenModel):
    """Scores on the test rows where ``column`` is ``value``."""

    column: str
    value: str
    scores: Scores


class DecisionCosts(FrozenModel):
    """What wrong labels cost on the test rows: means over the rows, in the unit of the stated costs."""

    false_positive: float = Field(gt=0)
    false_negative: float = Field(gt=0)
    threshold: float = Field(gt=0, lt=1)
    """That of the contract, which follows from the two costs."""

    cost: float = Field(ge=0)
    """With the threshold."""

    cost_at_half: float = Field(ge=0)
    """With the threshold 0.5."""

    base_cost: float = Field(ge=0)
    """With the same label for every row, the better of the two."""

    @property
    def figures(self) -> dict[str, float]:
        """The costs that were measured, by name."""
        return {"cost": self.cost, "cost_at_half": self.cost_at_half, "base_cost": self.base_cost}


class PlattScaling(FrozenModel):
    """How the model was calibrated: its margins are ``slope`` times those of the trees, plus ``intercept``.

    Both are in the leaves and the base score of the model file already, and are not applied again.
    """

    slope: float = Field(gt=0)
    intercept: float


class StoppedEarly(FrozenModel):
    """How the number of rounds was found: on validation rows, which are training rows and no test rows.

    The model was then fitted on all its training rows with this number of rounds.
    """

    rounds: int = Field(ge=1)
    most_rounds: int = Field(ge=1)
    """Number of rounds at which the search ends: if ``rounds`` equals it, more might have been better."""

    metric: str
    """XGBoost's name of the metric that was watched."""

    value: float
    """Its value on the validation rows after ``rounds`` rounds."""

    validation_rows: int = Field(ge=1)


class BundleMetrics(FrozenModel):
    """The test scores and those of every slice."""

    format: Literal[1] = 1
    test: Scores
    slices: tuple[SliceScores, ...] = ()
    final_fit: bool = False
    """True: the scores are of a model fitted on the training rows only. The model in this bundle was then refitted with
    the same parameters on training and test rows together, so no rows are left to score it on."""

    early_stopping: StoppedEarly | None = Field(default=None, exclude_if=is_none)
    """None, and not in the file: the number of rounds is that of params.yaml."""

    costs: DecisionCosts | None = Field(default=None, exclude_if=is_none)
    """None, and not in the file: no costs are stated."""

    calibration: PlattScaling | None = Field(default=None, exclude_if=is_none)
    """None, and not in the file: the model is as it was trained."""
