"""Closed loop with wrk: each connection sends its next request when it has the answer, which gives the peak."""

from __future__ import annotations

import json
from dataclasses import replace

from benchmarks.errors import BenchmarkFailed
from benchmarks.load.sending import Counted, Requests, find_tool, run_pinned

__all__ = ["find_wrk", "parse_wrk", "send_closed", "write_preparation", "write_script"]

MARK = "RESULT "
TIMEOUT_SECONDS = 30

PREPARE = """  wrk.method = "POST"
%(headers)s
  for place, path in ipairs({%(bodies)s}) do
    local file = assert(io.open(path, "rb"))
    requests[place] = wrk.format(nil, nil, nil, file:read("*a"))
    file:close()
  end"""

SCRIPT = """
local requests, number = {}, 0

function init(_arguments)
%(prepare)s
end

function request()
  number = number %% #requests + 1
  return requests[number]
end

function done(summary, latency, _requests)
  local errors = summary.errors
  io.write(string.format(
    '%(mark)s{"requests": %%d, "microseconds": %%d, "status": %%d, "no_answer": %%d, "p50_us": %%d, "p99_us": %%d}\\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


def find_wrk() -> str:
    """Return the path of wrk.

    Raises:
        ToolMissing
    """
    return find_tool("wrk", "make bench-tools (or apt-get install wrk)")


def send_closed(requests: Requests, *, seconds: float, core: int) -> Counted:
    """Send for this many seconds."""
    script = requests.folder / "load.lua"
    script.write_text(write_script(requests), encoding="utf-8")
    command = [find_wrk(), "--threads", "1", "--connections", str(requests.connections)]
    # wrk counts whole seconds only.
    command += ["--duration", f"{max(1, round(seconds))}s", "--timeout", f"{TIMEOUT_SECONDS}s"]
    command += ["--script", str(script), requests.url]
    output, cpu_seconds = run_pinned(command, core=core, seconds=seconds + TIMEOUT_SECONDS)
    counted = parse_wrk(output)
    return replace(counted, load_cpu_share=cpu_seconds / counted.seconds)


def write_script(requests: Requests) -> str:
    """Return the Lua script that sends these requests and prints the result as JSON."""
    return SCRIPT % {"prepare": write_preparation(requests), "mark": MARK}


def write_preparation(requests: Requests) -> str:
    """Return the part of an ``init`` function in Lua that fills the table ``requests``."""
    headers = [f"  wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in requests.headers.items()]
    bodies = ", ".join(json.dumps(str(path)) for path in requests.bodies)
    return PREPARE % {"bodies": bodies, "headers": "\n".join(headers)}


def parse_wrk(output: str) -> Counted:
    """Read the line that the script prints.

    Raises:
        BenchmarkFailed: there is none, or no time has passed.
    """
    lines = [line.removeprefix(MARK) for line in output.splitlines() if line.startswith(MARK)]
    if not lines:
        raise BenchmarkFailed(f"wrk printed no result: {output[-500:]}")
    result = json.loads(lines[-1])
    if result["microseconds"] <= 0:
        raise BenchmarkFailed("wrk measured no time")
    answered = result["requests"] > 0
    return Counted(
        requests=result["requests"] - result["status"],
        seconds=result["microseconds"] / 1e6,
        errors=result["status"] + result["no_answer"],
        p50_ms=result["p50_us"] / 1000 if answered else None,
        p99_ms=result["p99_us"] / 1000 if answered else None,
    )
