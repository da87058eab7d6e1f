"""XGBoost's call without a server: the same rows, core and environment as the reference."""

from __future__ import annotations

import subprocess
from pathlib import Path

from benchmarks.environments import Environment
from benchmarks.errors import BenchmarkFailed
from benchmarks.processes import pin, server_environment
from benchmarks.samples import Call
from benchmarks.workload import Workload

__all__ = ["measure_call"]

PROGRAM = Path(__file__).parent / "peers" / "starlette" / "call.py"


def measure_call(
    environment: Environment, workload: Workload, *, rows: int, seconds: float, core: int, number: int
) -> Call:
    """Measure calls per second with this many rows, in round ``number``.

    Raises:
        BenchmarkFailed: the program failed.
    """
    given, _ = workload.take(0, rows)
    command = [str(environment.python), str(PROGRAM), str(workload.ubj), str(seconds)]
    with pin(core):
        done = subprocess.run(  # noqa: S603
            command, input=given.astype("<f4").tobytes(), env=server_environment(), capture_output=True, check=False
        )
    if done.returncode:
        raise BenchmarkFailed(f"XGBoost's call alone failed: {done.stderr.decode(errors='replace')[-2000:]}")
    return Call(number, rows, float(done.stdout))
