"""Judge a load test: rates, percentiles, objectives, and whether the result is valid.

Reads:  the results of the generator.
Gives:  Verdict, for the command, its report and its plot.
Never:  sends anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from espalier.load.generator import OK, Answer, Load

__all__ = ["OBJECTIVES", "Objective", "Objectives", "Plan", "Verdict", "is_failure", "judge"]

PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}
SHOWN_ERRORS = 5
SERVER_ERROR = 500


@dataclass(frozen=True)
class Objectives:
    """The service level objectives, and the requirements on the generator for a valid result."""

    available: float = 0.999
    """Share of requests with a response other than 5xx."""

    fast: float = 0.99
    """Share of predictions within the limit."""

    limit_seconds: float = 0.1

    late_seconds: float = 0.01
    """Maximum delay of 99 % of the requests: a tenth of the limit."""

    cpu_share: float = 0.8
    """Maximum CPU use of the generator, as a share of one core; above it, the generator measures itself."""

    sent_share: float = 0.99
    """Minimum share of the requested rate."""


OBJECTIVES = Objectives()


@dataclass(frozen=True)
class Plan:
    """The requested load."""

    url: str
    rate: float
    seconds: float
    warm_up_seconds: float
    rows: int


@dataclass(frozen=True)
class Objective:
    """One objective, and the measured value."""

    name: str
    target: float
    measured: float | None
    """A share; None if there was nothing to measure."""

    holds: bool


@dataclass(frozen=True)
class Verdict:
    """The report in JSON."""

    verdict: Literal["pass", "fail", "void"]
    void_because: list[str]
    objectives: list[Objective]
    plan: Plan
    requests: int
    predictions: int
    failed: int
    """5xx, or no response."""

    refused: int
    """4xx: the request was wrong."""

    warm_up_failed: int
    """Failed requests of the warm-up."""

    sent_per_second: float
    predictions_per_second: float
    latency_ms: dict[str, float | None]
    """Latency of predictions from the scheduled time; None if there are too few, such as p99.9 below a thousand."""

    new_connections: int
    statuses: dict[str, int]
    errors: dict[str, int]
    versions: list[str]
    generator: dict[str, float] = field(default_factory=dict)


def judge(load: Load, plan: Plan, objectives: Objectives) -> Verdict:
    """Judge the requests after the warm-up."""
    answers = sorted(load.answers, key=lambda answer: answer.started)
    # With a tolerance of half an interval: these are differences of floats.
    began = answers[0].started + plan.warm_up_seconds - 0.5 / plan.rate
    warm_up = [answer for answer in answers if answer.started < began]
    counted = answers[len(warm_up) :]
    seconds = np.array([answer.seconds for answer in counted if answer.status == OK])
    late = np.array([answer.late_seconds for answer in counted])
    failed = [answer for answer in counted if is_failure(answer)]
    refused = sum(OK != answer.status < SERVER_ERROR and answer.status != 0 for answer in counted)
    available = _promise("availability", objectives.available, len(counted) - len(failed), len(counted))
    fast = _promise("latency", objectives.fast, int(np.sum(seconds <= objectives.limit_seconds)), len(seconds))
    generator = {
        "late_ms_p99": _quantile(late, 0.99) * 1000,
        "late_ms_max": float(late.max()) * 1000,
        "cpu_share": load.cpu_share,
        "not_sent": float(sum(answer.own for answer in counted)),
    }
    sent_per_second = _rate([answer.started + answer.late_seconds for answer in counted], plan)
    void = [
        *_missing_load(generator["not_sent"], sent_per_second / plan.rate, refused / len(counted), objectives),
        *(_own_slowness(generator, objectives) if available.holds and not fast.holds else []),
    ]
    return Verdict(
        verdict="void" if void else "pass" if available.holds and fast.holds else "fail",
        void_because=void,
        objectives=[available, fast],
        plan=plan,
        requests=len(counted),
        predictions=len(seconds),
        failed=len(failed),
        refused=refused,
        warm_up_failed=sum(answer.status != OK for answer in warm_up),
        sent_per_second=sent_per_second,
        predictions_per_second=_rate([a.started + a.seconds for a in counted if a.status == OK], plan),
        latency_ms=_latencies(seconds),
        new_connections=sum(answer.kind == "new" for answer in counted),
        statuses=dict(Counter(str(answer.status or "no answer") for answer in counted)),
        errors=dict(Counter(answer.error for answer in counted if answer.error).most_common(SHOWN_ERRORS)),
        versions=list(dict.fromkeys(answer.version for answer in counted if answer.version)),
        generator=generator,
    )


def is_failure(answer: Answer) -> bool:
    """Tell whether a result counts against availability."""
    return answer.status == 0 or answer.status >= SERVER_ERROR


def _promise(name: str, target: float, good: int, total: int) -> Objective:
    measured = good / total if total else None
    return Objective(name, target, measured, measured is not None and measured >= target)


def _missing_load(not_sent: float, sent: float, refused: float, objectives: Objectives) -> list[str]:
    """Return why this was not the requested load."""
    reasons = []
    if not_sent:
        reasons.append(f"{not_sent:.0f} requests could not be sent: this machine has no files, ports or memory left")
    if sent < objectives.sent_share:
        reasons.append(f"the generator could not keep up: it sent {sent:.1%} of the rate")
    if refused > 1 - objectives.available:
        reasons.append(f"the API rejected {refused:.1%} of the requests, so they did not test predictions")
    return reasons


def _own_slowness(generator: dict[str, float], objectives: Objectives) -> list[str]:
    """Return why the generator may have caused high latencies; it cannot cause low ones, or failures of the API."""
    reasons = []
    if generator["late_ms_p99"] > objectives.late_seconds * 1000:
        reasons.append(
            f"the generator could not keep up: 1 % of the requests were sent {generator['late_ms_p99']:.0f} ms late"
        )
    if generator["cpu_share"] > objectives.cpu_share:
        reasons.append(f"the generator used {generator['cpu_share']:.0%} of a core, so it measured itself")
    return reasons


def _latencies(seconds: np.ndarray) -> dict[str, float | None]:
    if not len(seconds):
        return dict.fromkeys([*PERCENTILES, "max"])
    latencies: dict[str, float | None] = {
        name: _quantile(seconds, share) * 1000 if len(seconds) >= round(1 / (1 - share)) else None
        for name, share in PERCENTILES.items()
    }
    return {**latencies, "max": float(seconds.max()) * 1000}


def _quantile(values: np.ndarray, share: float) -> float:
    # A measured latency, without interpolation.
    return float(np.quantile(values, share, method="inverted_cdf"))


def _rate(times: Sequence[float], plan: Plan) -> float:
    """Return events per second of the planned time, or of the actual time if that was longer."""
    return len(times) / max(plan.seconds, max(times) - min(times)) if times else 0.0
