"""The lowest ratios to the reference that a quick run accepts."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["FLOORS", "below_floors"]

FLOORS = {"1": 1.2, "100": 0.8}
"""Scenario → lowest accepted throughput of Espalier relative to the bare server in the same run.

Less than half of what is measured (2.6 and 1.9), so that a busy machine fails no run, and losing the fast path does.
Raise them when the API becomes faster.
"""


def below_floors(ratios: Mapping[str, float], floors: Mapping[str, float]) -> list[str]:
    """Return a line for each scenario that is under its floor or was not measured; empty if all are met."""
    lines = []
    for scenario, floor in floors.items():
        ratio = ratios.get(scenario)
        if ratio is None:
            lines.append(f"{scenario} row(s): not measured, so the floor of {floor:g} is not met")
        elif ratio < floor:
            lines.append(f"{scenario} row(s): {ratio:.3f} of the bare server's throughput, the floor is {floor:g}")
    return lines
