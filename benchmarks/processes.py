"""Run one server on one core: start it, wait until it is ready, count its CPU time and memory, end it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from benchmarks.errors import PeerFailed

__all__ = ["Launch", "Running", "pin", "running", "server_environment"]

MIB = 2**20
POLL_SECONDS = 0.01
READY_SECONDS = 90
END_SECONDS = 15
TAIL = 12


@dataclass(frozen=True)
class Launch:
    """How to start a server."""

    command: Sequence[str]
    ready_url: str
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    """Where it runs."""


@dataclass(frozen=True)
class Running:
    """A server that is ready."""

    pid: int
    start_seconds: float
    """From the start of its process until it said that it was ready."""

    def cpu_seconds(self) -> float:
        """Return user and system time of the process and its children, those that have ended included."""
        total = 0.0
        for process in self._tree():
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total

    def pss_mib(self) -> float:
        """Return the memory of the process and its children; pages that they share are counted once."""
        total = 0
        for process in self._tree():
            with suppress(psutil.NoSuchProcess):
                total += process.memory_full_info().pss
        return total / MIB

    def _tree(self) -> list[psutil.Process]:
        first = psutil.Process(self.pid)
        return [first, *first.children(recursive=True)]


@contextmanager
def pin(core: int) -> Iterator[None]:
    """Keep this thread, and every process that it starts, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def running(launch: Launch, *, core: int, log: Path) -> Iterator[Running]:
    """Run a server on one core for as long as the block lasts.

    Raises:
        PeerFailed: it ended or did not become ready; the message has the end of its log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        began = time.perf_counter()
        with pin(core):  # a child inherits it, so that not even its first thread runs elsewhere
            process = subprocess.Popen(  # noqa: S603
                list(launch.command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**server_environment(), **launch.environment},
                cwd=launch.folder,
                start_new_session=True,  # a process group of its own, so that its workers end with it
            )
    try:
        _wait_until_ready(launch, process, log, began)
        yield Running(process.pid, time.perf_counter() - began)
    finally:
        _end(process)


def server_environment() -> dict[str, str]:
    """Return the environment without what would change a server: settings of Python and of the API."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("API_", "PYTHON", "VIRTUAL_ENV"))}
    return {**kept, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def _wait_until_ready(launch: Launch, process: subprocess.Popen[bytes], log: Path, began: float) -> None:
    with httpx.Client(timeout=2, trust_env=False) as client:
        while time.perf_counter() - began < READY_SECONDS:
            if process.poll() is not None:
                raise PeerFailed(f"the server exited with {process.returncode}\n{_end_of(log)}")
            with suppress(httpx.TransportError):
                if client.get(launch.ready_url).is_success:
                    return
            time.sleep(POLL_SECONDS)
    raise PeerFailed(f"the server was not ready within {READY_SECONDS} s\n{_end_of(log)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
            if number == signal.SIGKILL or not _group_lives(process.pid):
                return


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _end_of(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
    return "\n  ".join([f"end of its log {log}:", *lines])
