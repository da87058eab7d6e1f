"""The result of a soak, and what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkFailed
from benchmarks.soak.trend import Trend, second_half, trend_of
from benchmarks.soak.usage import Sample

__all__ = ["SoakReport", "memory_trends", "problems_of", "read_report", "write_report"]

PER = 100_000
"""Slopes are in MiB for so many requests."""

MAX_SLOPE = 1.0
"""Of memory, in MiB for 100,000 requests."""

SPARE = 4
"""Files and threads that may come and go: a log-in opens the database, and a thread hashes the password."""


@dataclass(frozen=True)
class SoakReport:
    """A soak that has ended."""

    started: str
    """Time in UTC, ISO 8601."""

    commit: str
    machine: dict[str, str]
    versions: dict[str, str]
    tools: dict[str, str]
    requests: int
    seconds: float
    """While requests were sent."""

    statuses: dict[str, int]
    """Status → answers."""

    no_answer: int
    differences: dict[str, tuple[int, int]]
    """Counter of the server → what it counted, and what was answered, where these differ."""

    counters: int
    """How many counters were compared."""

    log_lines: int
    """Of the access log, about predictions."""

    counted_requests: int
    """Predictions since the start of the server, which the log must have."""

    samples: tuple[Sample, ...]


def memory_trends(samples: tuple[Sample, ...]) -> dict[str, Trend]:
    """Return the trends of PSS and private memory over the second half, in MiB for 100,000 requests."""
    begin = second_half([float(one.requests) for one in samples])
    half = samples[begin:]
    x = [one.requests / PER for one in half]
    return {
        "PSS": trend_of(x, [one.pss_mib for one in half]),
        "private memory": trend_of(x, [one.private_mib for one in half]),
    }


def problems_of(report: SoakReport) -> list[str]:
    """Return what is wrong, in words; nothing if the soak is passed."""
    return [*_inexact(report), *_growing(report)]


def _inexact(report: SoakReport) -> Iterator[str]:
    answered = sum(report.statuses.values())
    if answered != report.requests or report.no_answer:
        yield f"{answered:,} of {report.requests:,} requests were answered, {report.no_answer:,} connections failed"
    unexpected = {status: count for status, count in report.statuses.items() if status not in ("200", "422")}
    if unexpected:
        yield f"unexpected answers: {unexpected}"
    for name, (counted, right) in report.differences.items():
        yield f"{name} counted {counted:,}, but {right:,} were answered"
    if report.log_lines != report.counted_requests:
        yield f"the access log has {report.log_lines:,} lines for {report.counted_requests:,} predictions"


def _growing(report: SoakReport) -> Iterator[str]:
    for name, trend in memory_trends(report.samples).items():
        if trend.slope > MAX_SLOPE and not trend.is_noise:
            yield f"{name} grows by {trend.slope:.2f} ± {trend.error:.2f} MiB for {PER:,} requests"
    begin = second_half([float(one.requests) for one in report.samples])
    for name in ("files", "threads", "connections"):
        values = [getattr(one, name) for one in report.samples]
        first, second = max(values[:begin], default=0), max(values[begin:])
        if second > first + SPARE:
            yield f"open {name} grow from at most {first} in the first half to {second} in the second"


def write_report(path: Path, report: SoakReport) -> None:
    """Write it as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")


def read_report(path: Path) -> SoakReport:
    """Read what ``write_report`` wrote.

    Raises:
        BenchmarkFailed: it is not such a file.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        content["samples"] = tuple(Sample(**one) for one in content["samples"])
        content["differences"] = {name: (one[0], one[1]) for name, one in content["differences"].items()}
        return SoakReport(**content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchmarkFailed(f"{path} has no result of a soak: {error}") from error
