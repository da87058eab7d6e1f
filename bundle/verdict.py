"""What the gate decided of a version, as the manifest states it."""

from __future__ import annotations

from bundle.contract import FrozenModel
from bundle.identity import VersionNumber

__all__ = ["GateCheck", "GateVerdict"]


class GateCheck(FrozenModel):
    """One rule of the gate: what it asked for and what it found."""

    name: str
    found: float
    wanted: str
    passed: bool


class GateVerdict(FrozenModel):
    """The decision, what the model was compared with, and every check."""

    passed: bool
    champion_version: VersionNumber | None
    """The champion at the time; None where there was none."""

    checks: tuple[GateCheck, ...] = ()
    reasons: tuple[str, ...] = ()
    """Why it did not pass, one line each; empty for one that did."""
