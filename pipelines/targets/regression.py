"""A number: the model predicts its mean, or its median and an interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bundle import Bins, RegressionScores, Target
from bundle.quantiles import in_order
from pipelines.config.params import GateParams, Metric
from pipelines.targets import plots
from pipelines.targets.bins import quantile_bins
from pipelines.targets.calibration import BinSums, tenths
from pipelines.targets.check import Check, at_least, at_most
from pipelines.targets.task import Drawing, Floats, Outputs, Task, Truth

__all__ = ["Regression"]

LOWER, MEDIAN, UPPER = range(3)
"""Places of the outputs of a model with an interval."""


class Regression(Task[RegressionScores]):
    """A target that is a number, with or without an interval."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Squared and absolute error; with an interval, pinball loss first."""
        return ("pinball_loss", "mae", "mse") if self.target.quantiles else ("mse", "mae")

    @property
    def objective(self) -> str:
        """Squared error; with an interval, quantile error."""
        return "reg:quantileerror" if self.target.quantiles else "reg:squarederror"

    @property
    def curve(self) -> tuple[str, str]:
        """Root mean squared error; with an interval, pinball loss."""
        return ("quantile", "pinball loss") if self.target.quantiles else ("rmse", "root mean squared error")

    @property
    def booster_params(self) -> dict[str, Any]:
        """The objective, and the quantiles if there is an interval."""
        quantiles = {"quantile_alpha": list(self.target.quantiles)} if self.target.quantiles else {}
        return {**super().booster_params, **quantiles}

    @property
    def output_names(self) -> tuple[str, ...]:
        """The value; with an interval, its lower end, the median and its upper end."""
        return ("lower", "median", "upper") if self.target.quantiles else ("value",)

    @property
    def explained(self) -> Sequence[int]:
        """The value, or the median."""
        return (MEDIAN,) if self.target.quantiles else (0,)

    def truth(self, values: npt.NDArray[Any]) -> Truth:
        """Return (n,) numbers."""
        return values.astype(np.float32)

    def unlearnable(self, truth: Truth, *, train: bool) -> str:  # noqa: ARG002
        """Return a text if all values are equal."""
        return f"every row has {self.target.name} = {truth[0]:g}" if (truth == truth[0]).all() else ""

    def score(self, truth: Truth, outputs: Outputs) -> RegressionScores:
        """Score (n,) values, or (n, 3) quantiles, against (n,) numbers."""
        actual = truth.astype(np.float64)
        mse = float(self.row_losses("mse", truth, outputs).mean())
        variance = float(actual.var())
        return RegressionScores(
            rows=len(truth),
            mse=mse,
            base_mse=variance,
            mae=float(self.row_losses("mae", truth, outputs).mean()),
            base_mae=float(np.abs(actual - np.median(actual)).mean()),
            rmse=mse**0.5,
            r2=1 - mse / variance if variance else None,
            **self._interval_scores(actual, outputs),
        )

    def headline(self, scores: RegressionScores, *, base: bool = False) -> str:
        """Return root mean squared error and R², and the coverage of the interval."""
        unit = f" {self.target.unit}" if self.target.unit else ""
        without = f" (always the mean: {scores.base_mse**0.5:.4g})" if base else ""
        coverage = "" if scores.coverage is None else f", {scores.coverage:.1%} inside the interval"
        return f"root mean squared error {scores.rmse:.4g}{unit}{without}, R² {scores.r2 or 0:.4f}{coverage}"

    def row_losses(self, metric: Metric, truth: Truth, outputs: Outputs) -> Floats:
        """Return squared or absolute errors of the value (the median), or pinball losses of the quantiles."""
        actual = truth.astype(np.float64)
        if metric == "pinball_loss":
            return _pinball(actual, in_order(outputs), self.target.quantiles)
        errors = _point(outputs).astype(np.float64) - actual
        return np.asarray(errors**2 if metric == "mse" else np.abs(errors))

    def floors(self, scores: RegressionScores, gate: GateParams) -> list[Check]:
        """Return the checks of R², of the error without a model, and of the interval's coverage."""
        checks = []
        if gate.min_r2 is not None:
            checks.append(at_least("R²", scores.r2, gate.min_r2, undefined="all values are equal"))
        if gate.beat_base_rate:
            checks.append(_better_than_constant(scores))
        if gate.max_coverage_error is not None and scores.coverage is not None:
            error = abs(scores.coverage - (self.target.interval or 0))
            checks.append(at_most("coverage error of the interval", error, gate.max_coverage_error))
        return checks

    def calibration(self, truth: Truth, outputs: Outputs) -> BinSums:
        """Return ten bins of about as many rows each, by predicted value."""
        return tenths(truth, _point(outputs).astype(np.float64))

    def counted(self, outputs: Outputs) -> npt.NDArray[np.float32]:
        """Return the values, or the medians."""
        return _point(outputs).astype(np.float32)

    def score_bins(self, outputs: Outputs, bins: int) -> Bins:
        """Return bins of about equal shares, as for a numeric feature."""
        return quantile_bins(self.counted(outputs), bins)

    def drawings(self, truth: Truth, outputs: Outputs) -> dict[str, Drawing]:
        """Return predicted against true values, residuals, and the coverage of the interval if there is one."""
        value, unit = _point(outputs), self.target.unit
        drawings: dict[str, Drawing] = {
            "predicted_against_true": lambda ax: plots.draw_predicted(ax, truth, value, unit),
            "residuals": lambda ax: plots.draw_residuals(ax, truth, value, unit),
        }
        interval = self.target.interval
        if interval is not None:
            drawings["interval_coverage"] = lambda ax: plots.draw_coverage(ax, truth, in_order(outputs), interval)
        return drawings

    def not_comparable(self, champion: Target, metric: Metric) -> str:
        """Return a text if the champion predicts another unit, or another interval that is compared by."""
        problem = super().not_comparable(champion, metric)
        if problem:
            return problem
        if champion.unit != self.target.unit:
            return f"the unit {champion.unit or '(none)'}; schema.yaml now has {self.target.unit or '(none)'}"
        if metric == "pinball_loss" and champion.quantiles != self.target.quantiles:
            theirs = f"an interval of {champion.interval:g}" if champion.interval else "no interval"
            return f"{theirs}, but register.gate.compare_by is pinball_loss (mse compares both)"
        return ""

    def _interval_scores(self, actual: Floats, outputs: Outputs) -> dict[str, float]:
        quantiles = self.target.quantiles
        if not quantiles:
            return {}
        ordered = in_order(outputs)
        lower, upper = ordered[:, LOWER].astype(np.float64), ordered[:, UPPER].astype(np.float64)
        best = np.broadcast_to(np.quantile(actual, quantiles), (len(actual), len(quantiles)))
        return {
            "pinball_loss": float(_pinball(actual, ordered, quantiles).mean()),
            "base_pinball_loss": float(_pinball(actual, best, quantiles).mean()),
            "coverage": float(((lower <= actual) & (actual <= upper)).mean()),
            "interval_width": float((upper - lower).mean()),
        }


def _point(outputs: Outputs) -> Outputs:
    """Return the value, or the median of (n, 3) quantiles."""
    return outputs if outputs.ndim == 1 else in_order(outputs)[:, MEDIAN]


def _pinball(actual: Floats, quantiles: Outputs, levels: Sequence[float]) -> Floats:
    above = actual[:, None] - quantiles.astype(np.float64)
    alphas = np.asarray(levels)
    return np.asarray(np.maximum(alphas * above, (alphas - 1) * above).mean(axis=1))


def _better_than_constant(scores: RegressionScores) -> Check:
    if scores.pinball_loss is not None and scores.base_pinball_loss is not None:
        name, found, base, what = "pinball loss", scores.pinball_loss, scores.base_pinball_loss, "the same quantiles"
    else:
        name, found, base, what = "mean squared error", scores.mse, scores.base_mse, "the mean"
    return Check(
        name=name,
        found=found,
        wanted=f"below {base:.4f}, that of always predicting {what}",
        passed=found < base,
    )
