"""One rule that a model must meet, and what was measured."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Check", "at_least", "at_most"]


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
