"""The access log: one JSON line for each request, with the fields of every other log line.

A thread writes the lines in batches, because a write for each request costs as much as a prediction, and because a slow
reader of the log must not delay requests.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

__all__ = ["AccessLog", "Answered", "write_to_stdout"]

SECONDS = 0.1
"""Between two batches. So much is lost if the process is killed."""

MAX_LINES = 100_000
"""Lines that wait for a reader who is slow; more are dropped and counted."""


class Answered(NamedTuple):
    """A completed or aborted request."""

    request_id: str
    method: str
    route: str
    status: int
    seconds: float
    subject: str | None
    address: str | None
    trace_id: str | None = None


class AccessLog:
    """Collects lines, and writes them while it is open."""

    def __init__(self, *, is_enabled: bool = True, write: Callable[[bytes], None] | None = None) -> None:
        """Write to standard output unless ``write`` is given."""
        self._is_enabled, self._write = is_enabled, write
        self._lines: deque[str] = deque()
        self._writing = threading.Lock()
        self._dropped = 0
        self._end = threading.Event()
        self._second, self._prefix = 0, ""

    def add(self, request: Answered) -> None:
        """Add the line of a request; it never waits."""
        if not self._is_enabled:
            return
        if len(self._lines) >= MAX_LINES:
            self._dropped += 1
            return
        trace = f',"trace_id":"{request.trace_id}"' if request.trace_id else ""
        self._lines.append(
            f'{{"time":"{self._time()}","level":"INFO","logger":"espalier.api.access","message":"request",'
            f'"request_id":"{request.request_id}"{trace},"method":{_quoted(request.method)},'
            f'"route":{_quoted(request.route)},"status":{request.status},'
            f'"milliseconds":{request.seconds * 1000:.2f},"subject":{_quoted(request.subject)},'
            f'"address":{_quoted(request.address)}}}\n'
        )

    def flush(self) -> None:
        """Write what was collected."""
        with self._writing:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]  # while others append
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                lines.append(
                    f'{{"time":"{self._time()}","level":"WARNING","logger":"espalier.api.access",'
                    f'"message":"lines were dropped, because nothing reads the log","lines":{dropped}}}\n'
                )
            if lines:
                (self._write or write_to_stdout)("".join(lines).encode("ascii"))

    @contextmanager
    def open(self) -> Iterator[None]:
        """Write until the block ends."""
        thread = threading.Thread(target=self._run, name="access-log", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._end.set()
            thread.join(timeout=1)  # a reader who has stopped must not keep the process
            if not thread.is_alive():
                self.flush()

    def _run(self) -> None:
        while not self._end.wait(SECONDS):
            self.flush()

    def _time(self) -> str:
        now = time.time()
        second = int(now)
        if second != self._second:
            self._prefix = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            self._second = second
        return f"{self._prefix}.{int((now - second) * 1000):03d}+00:00"


@lru_cache(maxsize=4096)
def _quoted(text: str | None) -> str:
    """Return the text as JSON, in ASCII: no character of a client ends a line or controls a terminal."""
    return json.dumps(text)


def write_to_stdout(content: bytes) -> None:
    """Write all of it, however slowly it is read."""
    sys.stdout.flush()
    view, output = memoryview(content), sys.stdout.fileno()
    while view:
        view = view[os.write(output, view) :]
