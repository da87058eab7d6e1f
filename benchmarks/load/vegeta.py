"""Open loop with vegeta: requests are sent at a fixed rate however slow the answers are.

Where all its workers wait for an answer it starts one more, so no request waits for an earlier answer, and a stalled
server is charged for every request that was due meanwhile (no coordinated omission).
"""

from __future__ import annotations

import base64
import json
import math
import os
from dataclasses import replace
from pathlib import Path

from benchmarks.errors import BenchmarkFailed
from benchmarks.load.sending import Counted, Requests, find_tool, run_pinned

__all__ = ["find_vegeta", "parse_vegeta", "send_open"]

TIMEOUT_SECONDS = 30
NANOSECONDS, NANOSECONDS_IN_MS = 1e9, 1e6
RATE_UNIT_SECONDS = 100
"""vegeta takes a whole number of requests per unit of time: two decimals of the rate per second."""


def find_vegeta() -> str:
    """Return the path of vegeta.

    Raises:
        ToolMissing
    """
    return find_tool("vegeta", "make bench-tools (or go install github.com/tsenart/vegeta/v12@latest)")


def send_open(requests: Requests, *, rate: float, seconds: float, core: int, most_connections: int = 0) -> Counted:
    """Send ``rate`` requests per second for this many seconds.

    With ``most_connections`` fewer are sent if all these connections wait for an answer; 0 is no limit. With this limit
    the rate may be infinite: each connection sends its next request when it has the answer.
    """
    vegeta, found = find_vegeta(), requests.folder / "vegeta.results"
    command = [vegeta, "attack", "-format=json", f"-targets={_write_targets(requests)}", f"-output={found}"]
    command += [f"-rate={_rate(rate)}", f"-duration={seconds:g}s"]
    command += [f"-timeout={TIMEOUT_SECONDS}s", "-max-body=0"]  # bodies are read, and not kept
    if most_connections:
        command += [f"-{limit}={most_connections}" for limit in ("max-workers", "connections", "max-connections")]
    # Fewer pauses of its garbage collector, which would count as the server's.
    environment = {**os.environ, "GOGC": "1000"}
    _, cpu_seconds = run_pinned(command, core=core, seconds=seconds + TIMEOUT_SECONDS, environment=environment)
    output, _ = run_pinned([vegeta, "report", "-type=json", str(found)], core=core, seconds=TIMEOUT_SECONDS)
    counted = parse_vegeta(output)
    return replace(counted, load_cpu_share=cpu_seconds / counted.seconds)


def _rate(per_second: float) -> str:
    return "0" if math.isinf(per_second) else f"{round(per_second * RATE_UNIT_SECONDS)}/{RATE_UNIT_SECONDS}s"


def _write_targets(requests: Requests) -> Path:
    """Write a line for each body; vegeta sends them in turn."""
    file = requests.folder / "vegeta.targets"
    headers = {name: [value] for name, value in requests.headers.items()}
    with file.open("w", encoding="utf-8") as lines:
        for body in requests.bodies:
            encoded = base64.b64encode(body.read_bytes()).decode()
            target = {"method": "POST", "url": requests.url, "header": headers, "body": encoded}
            lines.write(json.dumps(target) + "\n")
    return file


def parse_vegeta(output: str) -> Counted:
    """Read vegeta's report.

    Raises:
        BenchmarkFailed: it is none, or nothing was sent.
    """
    try:
        result = json.loads(output)
        statuses: dict[str, int] = result["status_codes"]
        latencies, sent = result["latencies"], int(result["requests"])
        seconds = (result["duration"] + result["wait"]) / NANOSECONDS
        good = sum(count for status, count in statuses.items() if status.startswith("2"))
        answered = sent > statuses.get("0", 0)  # 0 is no answer
        return Counted(
            requests=good,
            seconds=max(seconds, 1 / NANOSECONDS),
            errors=sent - good,
            p50_ms=latencies["50th"] / NANOSECONDS_IN_MS if answered else None,
            p99_ms=latencies["99th"] / NANOSECONDS_IN_MS if answered else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BenchmarkFailed(f"vegeta printed no result: {output[-500:]}") from error
