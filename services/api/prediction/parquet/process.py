"""Run the process that decodes one file, within limits of memory, time and output.

It is started with vfork and exec, which is safe beside threads; uvloop's own way to start processes runs Python code in
a forked copy of the worker. The file is passed as anonymous memory, so the process needs no folder to write to.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from enum import Enum
from importlib.util import find_spec
from pathlib import Path

from services.api.prediction.parquet import child

__all__ = ["Decoding", "End", "Ended", "Limits"]

READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What one process may take."""

    memory_bytes: int
    """Of its address space, the file included."""

    output_bytes: int
    seconds: int
    """From its start to its end; as many of CPU time."""


class End(Enum):
    """How a process has ended."""

    DONE = "done"
    REFUSED = "refused by the library"
    FAILED = "failed"
    LATE = "over the limit of time"
    TOO_LARGE = "over the limit of output"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Ended:
    """How a process has ended, and what it has written."""

    how: End
    status: str
    """Its exit code or signal, for the log."""

    stream: bytearray


class Decoding:
    """A process that decodes one file."""

    def __init__(self, limits: Limits) -> None:
        """Prepare it."""
        self._limits = limits
        self._lock, self._is_stopped = threading.Lock(), False
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, file: bytes | bytearray, *, batch_rows: int) -> Ended:
        """Return what has become of a file. It blocks, without Python's lock.

        Raises:
            OSError: no process can be started.
        """
        ends = time.monotonic() + self._limits.seconds
        process = self._start(file, batch_rows)
        if process is None:
            return Ended(End.STOPPED, "not started", bytearray())
        with process:
            stream, how = bytearray(), End.FAILED
            try:
                how = self._read(process, stream, ends)
            finally:
                if how is not End.DONE:
                    process.kill()
                status = process.wait()
        return Ended(self._judge(how, status), _name(status), stream)

    def stop(self) -> None:
        """End the process, or do not start it. It may be called from another thread."""
        with self._lock:
            self._is_stopped = True
            if self._process is not None:
                self._process.kill()

    def _start(self, file: bytes | bytearray, batch_rows: int) -> subprocess.Popen[bytes] | None:
        limits = self._limits
        arguments = [_libraries(), str(limits.memory_bytes), str(limits.seconds), str(batch_rows)]
        with open(os.memfd_create("parquet"), "w+b") as memory:
            memory.write(file)
            memory.flush()
            with self._lock:
                if self._is_stopped:
                    return None
                self._process = subprocess.Popen(  # noqa: S603 (no argument is a client's)
                    [sys.executable, "-I", "-S", child.__file__, *arguments],
                    stdin=memory,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    env={},
                    cwd="/",
                    start_new_session=True,
                )
                return self._process

    def _read(self, process: subprocess.Popen[bytes], stream: bytearray, ends: float) -> End:
        """Read all that a process writes, until it has exited."""
        assert process.stdout is not None  # noqa: S101 (it is a pipe)
        pipe, poller = process.stdout.fileno(), select.poll()  # select.select takes no numbers of 1,024 and more
        poller.register(pipe, select.POLLIN)
        while True:
            left = ends - time.monotonic()
            if left <= 0 or not poller.poll(1000 * left):
                return End.LATE
            part = os.read(pipe, READ_BYTES)
            if not part:
                break
            stream += part
            if len(stream) > self._limits.output_bytes:
                return End.TOO_LARGE
        try:
            process.wait(max(0.0, ends - time.monotonic()))
        except subprocess.TimeoutExpired:
            return End.LATE
        return End.DONE

    def _judge(self, how: End, status: int) -> End:
        if self._is_stopped:
            return End.STOPPED
        if how is not End.DONE or not status:
            return how
        if status == child.REFUSED:
            return End.REFUSED
        return End.LATE if status in (-signal.SIGALRM, -signal.SIGXCPU) else End.FAILED


def _libraries() -> str:
    """Return the folder that arro3 is in. This process does not import it."""
    spec = find_spec("arro3.io")
    assert spec is not None  # noqa: S101 (it is a dependency)
    assert spec.origin is not None  # noqa: S101 (it is a package with a file)
    return str(Path(spec.origin).parents[2])


def _name(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit code {status}"
