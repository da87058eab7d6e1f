"""A limit for a transfer as a whole: a time-out of reads begins again with every byte."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from pipelines.config.settings import Settings

__all__ = ["CONNECT_SECONDS", "limit_seconds", "time_limit"]

CONNECT_SECONDS = 5


def limit_seconds(settings: Settings, size: int = 0) -> float:
    """Return how long one attempt to transfer ``size`` bytes may take: longer than reads that each time out alone."""
    return 2 * settings.remote_timeout_seconds + size / settings.remote_min_bytes_per_second


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block after so many seconds.

    In another thread than the main one, which gets no signals, the block has no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"it took longer than {seconds:.0f} seconds")

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
