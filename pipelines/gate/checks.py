"""The checks of the gate: minimum scores, then the comparison with the champion on the same rows. Pure functions.

A model that is only as good as the champion, on the same data, does not pass: a rollout is a risk, and there would be
no gain.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from bundle.metrics import Scores
from pipelines.config.params import GateParams
from pipelines.gate.decision import Kind, limit_to_pass
from pipelines.gate.evidence import Evidence
from pipelines.gate.gains import HIGHER_IS_BETTER
from pipelines.gate.slices import SliceGain
from pipelines.targets.check import Check
from pipelines.targets.task import Task

__all__ = ["Check", "Verdict", "how_many_rows", "judge", "refuse"]


class Verdict(BaseModel):
    """The decision, and the champion that the candidate was compared with."""

    model_config = ConfigDict(frozen=True)

    champion_version: str | None
    checks: tuple[Check, ...] = ()
    refusals: tuple[str, ...] = ()
    evidence: Evidence | None = None
    """Numbers of the comparison; None without a champion, or if the two cannot be compared."""

    @property
    def kind(self) -> str:
        """What the comparison has shown: a ``Kind``, ``first`` without a champion, or ``not_compared``."""
        if self.evidence is not None:
            return self.evidence.kind.value
        return "first" if self.champion_version is None else "not_compared"

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return not self.refusals and all(check.passed for check in self.checks)

    @property
    def reasons(self) -> list[str]:
        """Why the model was rejected, one line per failed check."""
        failed = [
            f"{check.name} is {check.found:.{check.digits}f}, must be {check.wanted}"
            + (f": {check.explanation}" if check.explanation else "")
            for check in self.checks
            if not check.passed
        ]
        return [*self.refusals, *failed]


def judge(
    candidate: Scores,
    params: GateParams,
    task: Task[Any],
    *,
    champion_version: str | None = None,
    evidence: Evidence | None = None,
) -> Verdict:
    """Check the candidate against the minimum scores, and against the champion if there is one.

    Args:
        candidate: scores of the candidate on the whole test set.
        evidence: of the comparison with the champion, which may be on fewer rows.
    """
    checks = task.floors(candidate, params)
    if evidence is not None:
        checks.append(_comparison(evidence, params))
        if params.max_slice_loss is not None:
            checks += _slices(evidence, params, params.max_slice_loss)
    return Verdict(champion_version=champion_version, checks=tuple(checks), evidence=evidence)


def refuse(reason: str, *, champion_version: str | None) -> Verdict:
    """Reject a model that cannot be compared with the champion."""
    return Verdict(champion_version=champion_version, refusals=(reason,))


def _comparison(evidence: Evidence, params: GateParams) -> Check:
    ours, theirs = evidence.candidate, evidence.champion
    word = "above" if evidence.metric in HIGHER_IS_BETTER else "below"
    digits = _digits(ours, theirs)
    newer = f" ({evidence.rows:,} rows newer than its training rows)" if evidence.rows < evidence.test_rows else ""
    margin = f"by more than {params.min_improvement:g} " if params.min_improvement else ""
    or_newer = (
        f", or not worse by {params.max_loss:g} and trained on newer data"
        if params.replace_when == "better_or_newer"
        else ""
    )
    value = f"{theirs:.{digits}f}, the value of the champion (version {evidence.champion_version})"
    return Check(
        name=evidence.metric.replace("_", " "),
        found=ours,
        wanted=f"{word} {value} on the same rows{newer}, {margin}beyond noise{or_newer}",
        passed=evidence.lower > limit_to_pass(params, newer=evidence.newer),
        digits=digits,
        explanation=_explain(evidence, params),
    )


def _explain(evidence: Evidence, params: GateParams) -> str:
    if evidence.are_equal:
        return "both predict the same for every row"
    gain = f"the gain of {evidence.gain:.4f} may be anything from {evidence.lower:.4f} to {evidence.upper:.4f}"
    if evidence.kind is Kind.INCONCLUSIVE:
        return f"inconclusive, {gain}; {how_many_rows(evidence)}"
    if evidence.kind is Kind.WORSE:
        return f"worse beyond noise, {gain}"
    if evidence.lower > 0:
        return f"better beyond noise, but not by {params.min_improvement:g}, {gain}"
    kept = "trained on no newer data" if params.replace_when == "better_or_newer" else "replace_when is better"
    return f"not worse by {params.max_loss:g}, but not better either ({kept}); {gain}"


def how_many_rows(evidence: Evidence) -> str:
    """Tell how many rows would decide an inconclusive comparison."""
    if evidence.rows_to_decide is None:
        return "at this gain, more rows would not make it pass"
    rows = evidence.rows_to_decide
    count = round(rows * evidence.blocks / evidence.rows)
    blocks = "" if evidence.block == "row" else f" ({count:,} blocks of {evidence.block})"
    return f"at this gain, about {rows:,} rows{blocks} would decide, instead of {evidence.rows:,}"


def _slices(evidence: Evidence, params: GateParams, limit: float) -> list[Check]:
    """Return one check for each slice that is worse beyond noise; if none is, one for all."""
    level = 1 - params.confidence
    worse = [slice_ for slice_ in evidence.slices if slice_.p < level]
    if worse or not evidence.slices:
        return [_worse_slice(slice_, evidence, limit) for slice_ in worse]
    least = min(evidence.slices, key=lambda slice_: slice_.gain)
    return [
        Check(
            name=f"gain in the worst of {len(evidence.slices)} slices, {least.column} {least.value},",
            found=least.gain,
            wanted=f"at least {0 - limit:g}, within noise",
            passed=True,
        )
    ]


def _worse_slice(slice_: SliceGain, evidence: Evidence, limit: float) -> Check:
    return Check(
        name=f"gain where {slice_.column} is {slice_.value}",
        found=slice_.gain,
        wanted=f"at least {0 - limit:g}, within noise",
        passed=False,
        explanation=f"{slice_.rows:,} rows, p = {slice_.p:.2g} after correction for {len(evidence.slices)} slices",
    )


def _digits(one: float, other: float) -> int:
    """Return the number of decimals that two numbers differ in; four if they are equal."""
    return next((digits for digits in range(4, 16) if f"{one:.{digits}f}" != f"{other:.{digits}f}"), 4)
