"""How long the event loop has worked since it last asked for new data: requests that arrived meanwhile have waited."""

from __future__ import annotations

import asyncio
import time

__all__ = ["LoopDelay"]


class LoopDelay:
    """Measures one event loop, at the price of one callback and two clock readings for all requests read at a time.

    The loop reads all requests that have arrived, then runs tasks, then asks for more. Requests that are answered as
    they are read keep those behind them waiting; so do tasks.
    """

    def __init__(self) -> None:
        """Start with an idle loop."""
        self._since: float | None = None
        """When the requests that are being read arrived at the latest, by the performance counter."""
        self._tasks_since: float | None = None
        """CPU time of the thread at which the tasks began. The time of day would include idle time."""

    def seconds(self, loop: asyncio.AbstractEventLoop) -> float:
        """Return how long the request that was just read may have waited. Call it from the loop's thread."""
        now = time.perf_counter()
        if self._since is None:
            tasks = 0.0 if self._tasks_since is None else time.thread_time() - self._tasks_since
            self._since = now - tasks
            loop.call_soon(self._begin_tasks)
        return now - self._since

    def _begin_tasks(self) -> None:
        self._since, self._tasks_since = None, time.thread_time()
