"""Choose what serves the target of a model, once at the start."""

from __future__ import annotations

from bundle import Bins, Contract
from services.api.prediction.targets.binary import BinaryTarget
from services.api.prediction.targets.multiclass import MulticlassTarget
from services.api.prediction.targets.regression import IntervalTarget, RegressionTarget
from services.api.prediction.targets.target import ServedTarget

__all__ = ["choose_target"]


def choose_target(contract: Contract, score: Bins) -> ServedTarget:
    """Return what serves a contract's target; ``score`` are the bins of its reference."""
    target = contract.target
    if target.type == "multiclass":
        return MulticlassTarget(contract)
    if target.type == "regression":
        return RegressionTarget(contract) if target.interval is None else IntervalTarget(contract)
    return BinaryTarget(contract, score)
