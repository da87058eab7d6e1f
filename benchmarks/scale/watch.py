"""Run a command, and see how long each stage of the pipeline takes and how much memory it needs."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import psutil

from benchmarks.errors import BenchmarkFailed

__all__ = ["Watched", "watch"]

PAUSE_SECONDS = 0.05
STAGE = "pipelines.stages."
OTHER = "other"


@dataclass
class Watched:
    """A command that has ended."""

    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    """Stage → seconds that its process lived."""

    output: str = ""
    """What it printed, on both outputs."""

    peaks: dict[str, float] = field(default_factory=dict)
    """Stage → largest resident memory that was seen, MiB. ``other``: the command itself."""


def watch(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> Watched:
    """Run a command until it ends.

    Args:
        environment: its variables; default: those of this process.

    Raises:
        BenchmarkFailed: it failed; its output is in the message.
    """
    watched, began = Watched(), time.perf_counter()
    first: dict[str, float] = {}
    with tempfile.TemporaryFile("w+") as output:  # a pipe would be full at some time
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)  # noqa: S603
        root = psutil.Process(process.pid)
        while process.poll() is None:
            now = time.perf_counter()
            for name, mebibytes in _running(root):
                first.setdefault(name, now)
                watched.stages[name] = now - first[name]
                watched.peaks[name] = max(watched.peaks.get(name, 0.0), mebibytes)
            time.sleep(PAUSE_SECONDS)
        watched.seconds = time.perf_counter() - began
        output.seek(0)
        watched.output = output.read()
    if process.returncode:
        raise BenchmarkFailed(f"{command[0]} exited with {process.returncode}: {watched.output[-2000:]}")
    return watched


def _running(root: psutil.Process) -> list[tuple[str, float]]:
    found = []
    try:
        for process in [root, *root.children(recursive=True)]:
            found += _one(process, is_root=process == root)
    except psutil.Error:  # it has just ended
        pass
    return found


def _one(process: psutil.Process, *, is_root: bool) -> list[tuple[str, float]]:
    try:
        stages = [argument for argument in process.cmdline() if argument.startswith(STAGE)]
        mebibytes = process.memory_info().rss / 2**20
    except psutil.Error:
        return []
    if stages and process.name().startswith("python"):
        return [(stages[0].removeprefix(STAGE), mebibytes)]
    return [(OTHER, mebibytes)] if is_root else []
