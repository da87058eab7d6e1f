"""Send an exact number of requests with wrk, and count every answer.

wrk stops after a time, when requests are still on their way: they are counted by the server and not by wrk. Here each
connection goes on with liveness probes, which the server does not count, once all requests are sent. wrk is ended when
every one of them is answered.
"""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.errors import BenchmarkFailed
from benchmarks.load.sending import Requests
from benchmarks.load.wrk import find_wrk, write_preparation
from benchmarks.processes import pin

__all__ = ["Answered", "read_answered", "send_exactly", "write_script"]

DONE, MARK = "ALL ANSWERED", "ANSWERED "
PROBE = "/healthz"
END_SECONDS = 30

SCRIPT = """
local wanted = %(wanted)d
local requests, probe, is_tried, number, sent, ended = {}, nil, false, 0, 0, 0
local threads = {}
statuses = ""
local counts = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(_arguments)
  probe = wrk.format("GET", "%(probe)s", {}, "")
%(prepare)s
end

function request()
  if sent == wanted or not is_tried then  -- wrk calls it once before it sends anything
    is_tried = true
    return probe
  end
  sent = sent + 1
  number = number %% #requests + 1
  return requests[number]
end

function response(status, headers, _body)
  if status == 200 and headers["x-model-version"] == nil then
    return  -- to a probe
  end
  counts[status] = (counts[status] or 0) + 1
  ended = ended + 1
  if ended == wanted then
    io.write("%(done)s\\n")
    io.flush()
  end
  if ended == wanted or ended %% 1000 == 0 then
    local parts = {}
    for code, count in pairs(counts) do
      table.insert(parts, string.format('"%%d": %%d', code, count))
    end
    statuses = "{" .. table.concat(parts, ", ") .. "}"
  end
end

function done(summary, _latency, _requests)
  local errors = summary.errors
  io.write(string.format('%(mark)s{"statuses": %%s, "no_answer": %%d}\\n',
    threads[1]:get("statuses"), errors.connect + errors.read + errors.write + errors.timeout))
end
"""


@dataclass(frozen=True)
class Answered:
    """What came back."""

    statuses: Mapping[int, int]
    """Status → answers."""

    no_answer: int
    """Connections that failed, or answers that took too long."""

    seconds: float


def send_exactly(
    requests: Requests, wanted: int, *, core: int, seconds: float, every: float, sample: Callable[[], None]
) -> Answered:
    """Send this many requests, and wait for all of their answers.

    Args:
        requests: the bodies, in turn.
        wanted: how many.
        core: of wrk.
        seconds: how long it may take at most.
        every: seconds between two calls of ``sample``.
        sample: called meanwhile.

    Raises:
        BenchmarkFailed: not every request was answered in time.
    """
    script = requests.folder / "soak.lua"
    script.write_text(write_script(requests, wanted), encoding="utf-8")
    command = [find_wrk(), "--threads", "1", "--connections", str(requests.connections), "--timeout", "30s"]
    command += ["--duration", f"{round(seconds)}s", "--script", str(script), requests.url]
    began = time.perf_counter()
    with pin(core):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603
    lines: list[str] = []
    is_answered = threading.Event()
    reader = threading.Thread(target=_read, args=(process, lines, is_answered), daemon=True)
    reader.start()
    try:
        while not is_answered.wait(every) and process.poll() is None:
            sample()
        took = time.perf_counter() - began
    finally:
        process.send_signal(signal.SIGINT)  # wrk prints what it has counted, and ends
        process.wait(END_SECONDS)
        reader.join(END_SECONDS)
    if DONE not in lines:
        raise BenchmarkFailed(f"not all {wanted:,} requests were answered: {' '.join(lines[-8:])}")
    return read_answered(lines, took)


def write_script(requests: Requests, wanted: int) -> str:
    """Return the Lua script."""
    return SCRIPT % {
        "prepare": write_preparation(requests),
        "wanted": wanted,
        "probe": PROBE,
        "done": DONE,
        "mark": MARK,
    }


def read_answered(lines: list[str], seconds: float) -> Answered:
    """Read the line that the script prints.

    Raises:
        BenchmarkFailed: there is none.
    """
    found = [line.removeprefix(MARK) for line in lines if line.startswith(MARK)]
    if not found:
        raise BenchmarkFailed(f"wrk printed no result: {' '.join(lines[-8:])}")
    result = json.loads(found[-1])
    return Answered({int(code): count for code, count in result["statuses"].items()}, result["no_answer"], seconds)


def _read(process: subprocess.Popen[str], lines: list[str], is_answered: threading.Event) -> None:
    assert process.stdout is not None  # noqa: S101 (a pipe)
    with process.stdout as output:
        for line in output:
            lines.append(line.rstrip("\n"))
            if lines[-1] == DONE:
                is_answered.set()
    is_answered.set()
