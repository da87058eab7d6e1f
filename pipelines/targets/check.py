"""One rule that a model must meet, and what was measured."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from bundle import BinaryScores, MulticlassScores
from pipelines.config.params import GateParams

__all__ = ["Check", "at_least", "at_most", "floors_of_classes"]


class Check(BaseModel):
    """One rule: the requirement, and the measured value."""

    model_config = ConfigDict(frozen=True)

    name: str
    found: float
    wanted: str
    passed: bool
    digits: int = 4
    """Number of decimals that show the difference between ``found`` and the requirement."""

    explanation: str = ""
    """Why it failed, where the requirement alone does not tell."""


def at_least(name: str, found: float | None, limit: float, *, undefined: str = "") -> Check:
    """Return the check that a score is at least ``limit``.

    Args:
        found: None, if the score is not defined on these rows: the check fails.
        undefined: why it is not defined.
    """
    value = 0.0 if found is None else found
    return Check(
        name=name,
        found=value,
        wanted=f"at least {limit}",
        passed=found is not None and value >= limit,
        explanation=undefined if found is None else "",
    )


def at_most(name: str, found: float, limit: float) -> Check:
    """Return the check that an error is at most ``limit``."""
    return Check(name=name, found=found, wanted=f"at most {limit:g}", passed=found <= limit)


def floors_of_classes(
    scores: BinaryScores | MulticlassScores, gate: GateParams, *, auc: str, undefined: str, base: str
) -> list[Check]:
    """Return the checks of ROC AUC, accuracy, log loss and calibration that ``gate`` sets.

    Args:
        auc: what the ROC AUC is called.
        undefined: why there is none.
        base: what the base rate is called.
    """
    checks = []
    if gate.min_roc_auc is not None:
        checks.append(at_least(auc, scores.roc_auc, gate.min_roc_auc, undefined=undefined))
    if gate.min_accuracy is not None:
        checks.append(at_least("accuracy", scores.accuracy, gate.min_accuracy))
    if gate.beat_base_rate:
        checks.append(
            Check(
                name="log loss",
                found=scores.log_loss,
                wanted=f"below {scores.base_rate_log_loss:.4f}, the log loss of {base}",
                passed=scores.log_loss < scores.base_rate_log_loss,
            )
        )
    if gate.max_calibration_error is not None:
        checks.append(at_most("calibration error", scores.calibration_error, gate.max_calibration_error))
    return checks
