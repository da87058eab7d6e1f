"""metrics.json: scores of the model on the test rows, in total and by slice."""

from __future__ import annotations

from typing import Literal

from bundle.contract import FrozenModel

__all__ = ["BundleMetrics", "Scores", "SliceScores"]


class Scores(FrozenModel):
    """Scores on one set of rows. A ranking metric is None if only one class is present."""

    rows: int
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


class SliceScores(FrozenModel):
    """Scores on the test rows where ``column`` is ``value``."""

    column: str
    value: str
    scores: Scores


class BundleMetrics(FrozenModel):
    """The test scores and those of every slice."""

    format: Literal[1] = 1
    test: Scores
    slices: tuple[SliceScores, ...] = ()
    final_fit: bool = False
    """True: the scores are of a model fitted on the training rows only. The model in this bundle was then refitted with
    the same parameters on training and test rows together, so no rows are left to score it on."""
