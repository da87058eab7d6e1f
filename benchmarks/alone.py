"""One benchmark at a time on a machine: two would have the same cores, and each would measure the other."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.errors import BenchmarkFailed

__all__ = ["alone"]


@contextmanager
def alone(folder: Path | None = None) -> Iterator[None]:
    """Hold the machine's lock for as long as the block lasts.

    Args:
        folder: where the lock file is; the folder of temporary files, which all checkouts share, by default.

    Raises:
        BenchmarkFailed: another benchmark runs.
    """
    path = (folder or Path(tempfile.gettempdir())) / "espalier-benchmark.lock"
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BenchmarkFailed("another benchmark runs on this machine; wait until it has ended") from None
        yield
