"""The gate: may this model replace the one that serves? Pure; a verdict, with every check written down.

First the floors, then the champion on the same rows. A model that is as good as the champion does not pass: a rollout
is a risk, and nothing would be won by it.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from bundle import Scores
from pipelines.config.params import GateParams

__all__ = ["Check", "Verdict", "judge", "refuse"]

HIGHER_IS_BETTER = {"roc_auc": True, "pr_auc": True, "log_loss": False, "brier": False}


class Check(BaseModel):
    """One rule, what it asked for and what it found."""

    model_config = ConfigDict(frozen=True)

    name: str
    found: float
    wanted: str
    passed: bool
    digits: int = 4
    """Decimals that tell ``found`` from what was wanted."""


class Verdict(BaseModel):
    """The decision, and what it compared with."""

    model_config = ConfigDict(frozen=True)

    champion_version: str | None
    checks: tuple[Check, ...] = ()
    refusals: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every check held."""
        return not self.refusals and all(check.passed for check in self.checks)

    @property
    def reasons(self) -> list[str]:
        """Why not, one line for each check that did not hold."""
        failed = [
            f"{check.name} is {check.found:.{check.digits}f}, wanted {check.wanted}"
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
    """Hold the candidate against the floors, and against the champion if there is one.

    Args:
        candidate: its scores on the whole test set.
        champion: its scores on the rows that both are compared on.
        compared: the candidate's scores on these rows, where they are not the whole test set.
    """
    checks = [_auc_floor(candidate, params)]
    if params.beat_base_rate:
        checks.append(_base_rate(candidate))
    if champion is not None:
        of_newer_rows = compared is not None and compared.rows < candidate.rows
        checks.append(_comparison(compared or candidate, champion, params, champion_version, of_newer_rows))
    return Verdict(champion_version=champion_version, checks=tuple(checks))


def refuse(reason: str, *, champion_version: str | None) -> Verdict:
    """Reject a model that cannot be compared."""
    return Verdict(champion_version=champion_version, refusals=(reason,))


def _auc_floor(candidate: Scores, params: GateParams) -> Check:
    found = candidate.roc_auc or 0.0
    return Check(
        name="ROC AUC", found=found, wanted=f"at least {params.min_roc_auc}", passed=found >= params.min_roc_auc
    )


def _base_rate(candidate: Scores) -> Check:
    return Check(
        name="log loss",
        found=candidate.log_loss,
        wanted=f"below {candidate.base_rate_log_loss:.4f}, that of the base rate",
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
    theirs_said = f"{theirs:.{digits}f}{margin}, that of the champion (version {version})"
    newer = f" ({champion.rows:,} that are newer than all it was trained on)" if of_newer_rows else ""
    equal = "; the two are equal" if gain == 0 else ""
    return Check(
        name=name.replace("_", " "),
        found=ours,
        wanted=f"{word} {theirs_said} on the same rows{newer}{equal}",
        passed=gain > 0 and gain >= params.min_improvement,
        digits=digits,
    )


def _digits(one: float, other: float) -> int:
    """Return how many decimals tell two numbers apart; four where none do."""
    return next((digits for digits in range(4, 16) if f"{one:.{digits}f}" != f"{other:.{digits}f}"), 4)
