"""The threshold that stated costs of wrong labels ask for, and what the labels cost on the test rows."""

from __future__ import annotations

import numpy as np

from bundle import DecisionCosts
from pipelines.config.params import Costs
from pipelines.targets.task import Outputs, Truth

__all__ = ["decision_costs", "threshold_of"]

HALF = 0.5


def threshold_of(threshold: float | Costs | None) -> float:
    """Return the probability from which the positive label is expected to cost less than the negative one.

    It follows from the costs alone, so no row chooses it. It is right as far as the probabilities are.
    Source: Elkan, The Foundations of Cost-Sensitive Learning, IJCAI 2001, section 2.

    Args:
        threshold: as params.yaml has it; None: 0.5.
    """
    if isinstance(threshold, Costs):
        return threshold.false_positive / (threshold.false_positive + threshold.false_negative)
    return HALF if threshold is None else threshold


def decision_costs(truth: Truth, outputs: Outputs, threshold: float, costs: Costs) -> DecisionCosts:
    """Return what the labels of (n,) probabilities cost for each row, with this threshold and with others."""
    shares = {
        "cost": _cost(truth, outputs.astype(np.float64) >= threshold, costs),
        "cost_at_half": _cost(truth, outputs.astype(np.float64) >= HALF, costs),
        "base_cost": min(_cost(truth, np.full(len(truth), label), costs) for label in (False, True)),
    }
    return DecisionCosts(
        false_positive=costs.false_positive, false_negative=costs.false_negative, threshold=threshold, **shares
    )


def _cost(truth: Truth, positive: np.ndarray[tuple[int], np.dtype[np.bool_]], costs: Costs) -> float:
    wrong = np.where(positive, (truth == 0) * costs.false_positive, (truth == 1) * costs.false_negative)
    return float(wrong.mean())
