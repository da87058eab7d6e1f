"""A Dask cluster on this machine: a scheduler, and workers of one thread each."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.errors import BenchmarkFailed

__all__ = ["DaskCluster", "dask_cluster"]

START_SECONDS = 60
PAUSE_SECONDS = 0.1


class DaskCluster:
    """Running processes."""

    def __init__(self, address: str, workers: list[subprocess.Popen[bytes]]) -> None:
        """Keep the scheduler's address, and the workers."""
        self.address, self._workers = address, workers

    def worker_mib(self) -> float:
        """Return the largest resident memory that a worker has had, MiB."""
        return max(_peak_mib(worker.pid) for worker in self._workers)


@contextmanager
def dask_cluster(workers: int) -> Iterator[DaskCluster]:
    """Start a cluster on loopback, and stop it at the end.

    Raises:
        BenchmarkFailed: the scheduler does not start.
    """
    with tempfile.TemporaryDirectory(prefix="espalier-dask-") as name, ExitStack() as running:
        file = Path(name) / "scheduler.json"
        options = ["--host=127.0.0.1", "--dashboard-address=127.0.0.1:0", "--no-dashboard"]
        running.enter_context(_process("scheduler", "--port=0", f"--scheduler-file={file}", *options))
        address = _address(file)
        options += [address, "--nthreads=1", "--no-nanny", f"--local-directory={name}"]
        started = [running.enter_context(_process("worker", f"--name={number}", *options)) for number in range(workers)]
        yield DaskCluster(address, started)


@contextmanager
def _process(part: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "dask", part, *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        try:
            yield process
        finally:
            process.terminate()


def _address(file: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if file.exists() and (text := file.read_text(encoding="utf-8")):
            return str(json.loads(text)["address"])
        time.sleep(PAUSE_SECONDS)
    raise BenchmarkFailed(f"the Dask scheduler did not start within {START_SECONDS} s")


def _peak_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
