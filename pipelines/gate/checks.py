"""The checks of the gate: minimum scores, then the comparison with the champion on the same rows. Pure functions.

A model that is only as good as the champion does not pass: a rollout is a risk, and there would be no gain.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from bundle import Scores
from pipelines.config.params import GateParams

__all__ = ["Check", "Verdict", "judge", "refuse"]

HIGHER_IS_BETTER = {"roc_auc": True, "pr_auc": True, "log_loss": False, "brier": False}


class Check(BaseModel):
    """One rule: the requirement, and the measured value."""

    model_config = ConfigDict(frozen=True)

    name: str
    found: float
    wanted: str
    passed: bool
    digits: int = 4
    """Number of decimals that show the difference between ``found`` and the requirement."""


class Verdict(BaseModel):
    """The decision, and the champion that the candidate was compared with."""

    model_config = ConfigDict(frozen=True)

    champion_version: str | None
    checks: tuple[Check, ...] = ()
    refusals: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return not self.refusals and all(check.passed for check in self.checks)

    @property
    def reasons(self) -> list[str]:
        """Why the model was rejected, one line per failed check."""
        failed = [
            f"{check.name} is {check.found:.{check.digits}f}, must be {check.wanted}"
            for check in self.checks
            if not check.passed
        ]
        return [*self.refusals, *failed]


def judge(
    candidate: Scores,
    champion: Scores | None,
    params: GateParams,
    *,
    champion_version: str | None,
    compared: Scores | None = None,
) -> Verdict:
    """Check the candidate against the minimum scores, and against the champion if there is one.

    Args:
        candidate: scores of the candidate on the whole test set.
        champion: scores of the champion on the rows of the comparison.
        compared: scores of the candidate on these rows, if they are not the whole test set.
    """
    checks = [_auc_floor(candidate, params)]
    if params.beat_base_rate:
        checks.append(_base_rate(candidate))
    if champion is not None:
        of_newer_rows = compared is not None and compared.rows < candidate.rows
        checks.append(_comparison(compared or candidate, champion, params, champion_version, of_newer_rows))
    return Verdict(champion_version=champion_version, checks=tuple(checks))


def refuse(reason: str, *, champion_version: str | None) -> Verdict:
    """Reject a model that cannot be compared with the champion."""
    return Verdict(champion_version=champion_version, refusals=(reason,))


def _auc_floor(candidate: Scores, params: GateParams) -> Check:
    auc = candidate.roc_auc or 0.0
    return Check(name="ROC AUC", found=auc, wanted=f"at least {params.min_roc_auc}", passed=auc >= params.min_roc_auc)


def _base_rate(candidate: Scores) -> Check:
    return Check(
        name="log loss",
        found=candidate.log_loss,
        wanted=f"below {candidate.base_rate_log_loss:.4f}, the log loss of the base rate",
        passed=candidate.log_loss < candidate.base_rate_log_loss,
    )


def _comparison(
    candidate: Scores, champion: Scores, params: GateParams, version: str | None, of_newer_rows: bool
) -> Check:
    name = params.compare_by
    ours, theirs = getattr(candidate, name) or 0.0, getattr(champion, name) or 0.0
    gain = ours - theirs if HIGHER_IS_BETTER[name] else theirs - ours
    word = "above" if HIGHER_IS_BETTER[name] else "below"
    margin = f" by at least {params.min_improvement}" if params.min_improvement else ""
    digits = _digits(ours, theirs)
    limit = f"{theirs:.{digits}f}{margin}, the value of the champion (version {version})"
    newer = f" ({champion.rows:,} rows newer than its training rows)" if of_newer_rows else ""
    equal = "; both are equal" if gain == 0 else ""
    return Check(
        name=name.replace("_", " "),
        found=ours,
        wanted=f"{word} {limit} on the same rows{newer}{equal}",
        passed=gain > 0 and gain >= params.min_improvement,
        digits=digits,
    )


def _digits(one: float, other: float) -> int:
    """Return the number of decimals that two numbers differ in; four if they are equal."""
    return next((digits for digits in range(4, 16) if f"{one:.{digits}f}" != f"{other:.{digits}f}"), 4)
