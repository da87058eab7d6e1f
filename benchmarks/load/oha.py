"""Open loop with oha: requests are sent at a fixed rate however slow the answers are.

Latency counts from the time at which a request was due, so that a stalled server is charged for the requests that wait
behind it (no coordinated omission).
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from benchmarks.errors import BenchmarkFailed
from benchmarks.load.requests import Counted, Requests, find_tool, run_pinned

__all__ = ["find_oha", "parse_oha", "send_open"]

CONNECTIONS = 64
"""Enough that a request finds a free connection; beyond them requests queue in oha, and the wait counts."""

AFTER_DEADLINE = "aborted due to deadline"


def find_oha() -> str:
    """Return the path of oha.

    Raises:
        ToolMissing
    """
    return find_tool("oha", "make bench-tools OHA=1 (cargo install oha, ten minutes)")


def send_open(requests: Requests, *, rate: float, seconds: float, core: int) -> Counted:
    """Send ``rate`` requests per second for this many seconds."""
    headers = [part for name, value in requests.headers.items() for part in ("-H", f"{name}: {value}")]
    command = [find_oha(), "--no-tui", "--output-format", "json", "-m", "POST", *headers, *_bodies(requests)]
    command += ["-c", str(CONNECTIONS), "-z", f"{seconds:g}s", "-q", f"{rate:.3f}", "--latency-correction"]
    command += ["--wait-ongoing-requests-after-deadline", requests.url]
    output, cpu_seconds = run_pinned(command, core=core, seconds=seconds)
    counted = parse_oha(output)
    return replace(counted, load_cpu_share=cpu_seconds / counted.seconds)


def _bodies(requests: Requests) -> list[str]:
    first = requests.bodies[0]
    if requests.headers.get("Content-Type") != "application/json":
        return ["-D", str(first)]  # a binary body cannot be a line of a file
    lines = requests.folder / f"{first.stem}.lines"
    if not lines.exists():
        lines.write_bytes(b"\n".join(Path(body).read_bytes() for body in requests.bodies) + b"\n")
    return ["-Z", str(lines)]


def parse_oha(output: str) -> Counted:
    """Read oha's JSON.

    Raises:
        BenchmarkFailed: it is not oha's result.
    """
    try:
        result = json.loads(output)
        statuses, seconds = result["statusCodeDistribution"], float(result["summary"]["total"])
        latency = result["latencyPercentiles"]
        no_answer = sum(count for error, count in result["errorDistribution"].items() if error != AFTER_DEADLINE)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchmarkFailed(f"oha printed no result: {output[-500:]}") from error
    good = sum(count for status, count in statuses.items() if status.startswith("2"))
    return Counted(
        requests=good,
        seconds=seconds,
        errors=sum(statuses.values()) - good + no_answer,
        p50_ms=_milliseconds(latency["p50"]),
        p99_ms=_milliseconds(latency["p99"]),
    )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
