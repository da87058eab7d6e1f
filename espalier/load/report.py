"""The report of a load test: lines for the terminal, and files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from espalier.load.generator import Answer
from espalier.load.picture import draw_load
from espalier.load.verdict import Objective, Objectives, Verdict

__all__ = ["lines", "write_report"]

FEW_REQUESTS = 1000


def write_report(
    folder: Path, answers: Sequence[Answer], verdict: Verdict, objectives: Objectives
) -> tuple[Path, Path]:
    """Write the verdict as JSON and the plot as PNG; return both paths."""
    began = datetime.fromtimestamp(min(answer.started for answer in answers), UTC)
    text, picture = (folder / f"{began:%Y-%m-%dT%H-%M-%S}Z.{kind}" for kind in ("json", "png"))
    text.write_text(json.dumps(asdict(verdict), indent=2) + "\n", encoding="utf-8")
    draw_load(picture, answers, verdict, objectives)
    return text, picture


def lines(verdict: Verdict, objectives: Objectives) -> Iterator[tuple[str, str]]:
    """Yield the lines of the report, as names and texts."""
    plan, generator = verdict.plan, verdict.generator
    limit = f"within {objectives.limit_seconds * 1000:.0f} ms"
    for promise, what in zip(verdict.objectives, ("with a response other than 5xx", limit), strict=True):
        yield promise.name, f"{_held(promise)}: {_share(promise.measured)} {what}, objective {promise.target:.1%}"
    for reason in verdict.void_because:
        yield "VOID", reason
    latency = [f"{name} {_milliseconds(value)}" for name, value in verdict.latency_ms.items()]
    yield "percentiles", ", ".join(latency)
    yield (
        "rate",
        (
            f"{plan.rate:g} requests per second requested, {verdict.sent_per_second:.1f} sent, "
            f"{verdict.predictions_per_second:.1f} predicted, {plan.rows} rows each"
        ),
    )
    yield (
        "requests",
        (
            f"{verdict.requests:,} in {plan.seconds:g} s, {verdict.new_connections:,} on new connections; "
            f"{_share(verdict.failed / verdict.requests)} failed ({verdict.failed:,}), {verdict.refused:,} rejected"
        ),
    )
    if verdict.requests < FEW_REQUESTS:
        yield "", "fewer than 1,000 requests: a single failure misses the objective"
    yield "responses", ", ".join(f"{status}: {count:,}" for status, count in sorted(verdict.statuses.items()))
    for error, count in verdict.errors.items():
        yield "", f"{count:,} times {error}"
    if verdict.warm_up_failed:
        yield "warm-up", f"{verdict.warm_up_failed:,} failed; the warm-up is not judged"
    yield "versions", ", ".join(verdict.versions) or "none"
    yield (
        "generator",
        (
            f"99 % of the requests sent at most {generator['late_ms_p99']:.1f} ms late, all at most "
            f"{generator['late_ms_max']:.1f} ms; {generator['cpu_share']:.0%} of a core used"
        ),
    )


def _held(promise: Objective) -> str:
    return "met" if promise.holds else "MISSED"


def _share(share: float | None) -> str:
    if share is None:
        return "nothing"
    # Rounded down, so that a miss never looks like a pass.
    return f"{int(share * 1e5 + 1e-6) / 1e3:.3f} %"


def _milliseconds(value: float | None) -> str:
    return "too few" if value is None else f"{value:.1f} ms"
