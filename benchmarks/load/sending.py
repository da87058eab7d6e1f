"""What a load program is asked to send, and what it counted."""

from __future__ import annotations

import resource
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchmarkFailed, ToolMissing
from benchmarks.processes import pin

__all__ = ["Counted", "Requests", "find_tool", "run_pinned"]

SPARE_SECONDS = 60
"""How much longer than its load a program may run."""


@dataclass(frozen=True)
class Requests:
    """POST requests with several bodies in turn."""

    url: str
    headers: Mapping[str, str]
    bodies: Sequence[Path]
    """A file for each body."""

    connections: int
    folder: Path
    """A folder for the files of the program."""


@dataclass(frozen=True)
class Counted:
    """The result of one measurement."""

    requests: int
    """Successful ones."""

    seconds: float
    errors: int
    """Answers other than 2xx, and requests without an answer."""

    p50_ms: float | None
    p99_ms: float | None
    """None: nothing was answered."""

    load_cpu_share: float = 0.0
    """Share of its core that the program used. Near 1 it was the bottleneck."""

    @property
    def per_second(self) -> float:
        """Successful requests per second."""
        return self.requests / self.seconds if self.seconds else 0.0


def find_tool(name: str, how: str) -> str:
    """Return the path of a program.

    Raises:
        ToolMissing: the message says ``how`` to install it.
    """
    found = shutil.which(name)
    if found is None:
        raise ToolMissing(f"{name} is not on PATH; install it with: {how}")
    return found


def run_pinned(
    command: Sequence[str], *, core: int, seconds: float, environment: Mapping[str, str] | None = None
) -> tuple[str, float]:
    """Run a load program on one core; return its output, and the CPU seconds that it used."""
    before = _children_cpu_seconds()
    with pin(core):
        try:
            done = subprocess.run(  # noqa: S603
                list(command),
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds + SPARE_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise BenchmarkFailed(f"{command[0]} did not end") from error
    if done.returncode:
        raise BenchmarkFailed(f"{command[0]} failed ({done.returncode}): {(done.stderr or done.stdout)[-500:]}")
    return done.stdout, _children_cpu_seconds() - before


def _children_cpu_seconds() -> float:
    """Return the CPU time of ended children; no server ends while a load program runs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
