"""What is measured: the scenarios, the rounds and the durations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["FULL", "QUICK", "SCENARIOS", "SHARES", "Form", "Plan", "Scenario"]

Form = Literal["json", "arrow"]
"""How the rows are sent: JSON in the server's own form, or an Arrow IPC stream."""

SHARES = (0.25, 0.5, 0.75, 0.9)
"""Rates of the open loop, as shares of the server's own peak."""


@dataclass(frozen=True)
class Scenario:
    """One kind of request."""

    name: str
    rows: int
    """Rows in one request."""

    connections: int
    """Connections of the closed loop: enough to keep one core busy, few enough that no server refuses them."""

    bodies: int
    """Different requests that are sent in turn, so that no server gains from repetition."""

    form: Form = "json"
    open_loop: bool = False
    """Whether latency at fixed rates is measured too."""


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("1", rows=1, connections=16, bodies=64, open_loop=True),
        Scenario("100", rows=100, connections=8, bodies=16, open_loop=True),
        Scenario("1000", rows=1000, connections=4, bodies=4),
        Scenario("10000", rows=10_000, connections=2, bodies=2),
        Scenario("1000-arrow", rows=1000, connections=4, bodies=4, form="arrow"),
        Scenario("10000-arrow", rows=10_000, connections=2, bodies=2, form="arrow"),
    )
}
"""By name. A name without a suffix is a number of rows as JSON."""


@dataclass(frozen=True)
class Plan:
    """One run."""

    servers: tuple[str, ...]
    scenarios: tuple[Scenario, ...]
    rounds: int
    seconds: float
    """Duration of one measurement, after its warm-up."""

    warm_up_seconds: float
    open_seconds: float
    """Duration of one measurement at a fixed rate. 0: none."""

    open_rounds: int = 1
    call_seconds: float = 0
    """Duration of one measurement of XGBoost's call without a server. 0: none."""


QUICK = Plan(
    servers=("espalier", "starlette"),
    scenarios=(SCENARIOS["1"], SCENARIOS["100"]),
    rounds=3,
    seconds=4,
    warm_up_seconds=1,
    open_seconds=0,
    open_rounds=0,
)
"""Espalier against the reference, in less than five minutes."""

FULL = Plan(
    servers=("espalier", "starlette", "kserve", "mlserver", "bentoml", "mlflow"),
    scenarios=tuple(SCENARIOS.values()),
    rounds=3,
    seconds=10,
    warm_up_seconds=2,
    open_seconds=20,
    open_rounds=1,
    call_seconds=2,
)
"""Everything, in about an hour."""
