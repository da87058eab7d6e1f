"""The gate's decision on a version, as the manifest states it."""

from __future__ import annotations

from bundle.identity import VersionNumber
from bundle.target import FrozenModel

__all__ = ["GateCheck", "GateVerdict"]


class GateCheck(FrozenModel):
    """One rule of the gate: the value it found and the value it requires (``wanted``)."""

    name: str
    found: float
    wanted: str
    passed: bool


class GateVerdict(FrozenModel):
    """The decision, the champion the model was compared with, and every check."""

    passed: bool
    champion_version: VersionNumber | None
    """The champion at that time; None if there was none."""

    checks: tuple[GateCheck, ...] = ()
    reasons: tuple[str, ...] = ()
    """Why it did not pass, one line each; empty if it passed."""
