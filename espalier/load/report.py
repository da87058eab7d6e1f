"""The report of a load: lines for people, files that stay."""

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
    """Write what was judged as JSON and as a picture, and return both files."""
    began = datetime.fromtimestamp(min(answer.started for answer in answers), UTC)
    text, picture = (folder / f"{began:%Y-%m-%dT%H-%M-%S}Z.{kind}" for kind in ("json", "png"))
    text.write_text(json.dumps(asdict(verdict), indent=2) + "\n", encoding="utf-8")
    draw_load(picture, answers, verdict, objectives)
    return text, picture


def lines(verdict: Verdict, objectives: Objectives) -> Iterator[tuple[str, str]]:
    """Give what a person wants to know, as names and texts."""
    plan, generator = verdict.plan, verdict.generator
    limit = f"within {objectives.limit_seconds * 1000:.0f} ms"
    for promise, what in zip(verdict.objectives, ("not 5xx and not without an answer", limit), strict=True):
        yield promise.name, f"{_held(promise)}: {_share(promise.measured)} {what}, promised {promise.target:.1%}"
    for reason in verdict.void_because:
        yield "DOES NOT COUNT", reason
    latency = [f"{name} {_milliseconds(value)}" for name, value in verdict.latency_ms.items()]
    yield "percentiles", ", ".join(latency)
    yield (
        "rate",
        (
            f"{plan.rate:g} requests a second wanted, {verdict.sent_per_second:.1f} sent, "
            f"{verdict.predictions_per_second:.1f} predicted, {plan.rows} rows each"
        ),
    )
    yield (
        "requests",
        (
            f"{verdict.requests:,} in {plan.seconds:g} s, {verdict.new_connections:,} on connections of their own; "
            f"{_share(verdict.failed / verdict.requests)} failed ({verdict.failed:,}), {verdict.refused:,} refused"
        ),
    )
    if verdict.requests < FEW_REQUESTS:
        yield "", "fewer than 1,000: a single failure breaks the promise"
    yield "answers", ", ".join(f"{status}: {count:,}" for status, count in sorted(verdict.statuses.items()))
    for error, count in verdict.errors.items():
        yield "", f"{count:,} times {error}"
    if verdict.warm_up_failed:
        yield "warm-up", f"{verdict.warm_up_failed:,} failed, which are not judged"
    yield "versions", ", ".join(verdict.versions) or "none"
    yield (
        "generator",
        (
            f"99 % left at most {generator['late_ms_p99']:.1f} ms late, all {generator['late_ms_max']:.1f} ms; "
            f"{generator['cpu_share']:.0%} of a core"
        ),
    )


def _held(promise: Objective) -> str:
    return "holds" if promise.holds else "BROKEN"


def _share(share: float | None) -> str:
    if share is None:
        return "nothing"
    # Never round a miss up to the promise.
    return f"{int(share * 1e5 + 1e-6) / 1e3:.3f} %"


def _milliseconds(value: float | None) -> str:
    return "too few" if value is None else f"{value:.1f} ms"
