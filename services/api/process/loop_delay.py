"""How long the event loop has worked since it last asked for new data: requests that arrived meanwhile have waited."""

from __future__ import annotations

import asyncio
import time

__all__ = ["LoopDelay"]


class LoopDelay:
    """Measures one event loop, at the price of one callback and a clock reading for all requests read at a time.

    The loop reads all requests that have arrived, then runs tasks, then asks for more. Requests that are answered as
    they are read keep those behind them waiting; so do tasks.
    """

    def __init__(self) -> None:
        """Start with an idle loop."""
        self._since: float | None = None
        """Since when the loop has not asked for data; None while nothing is measured."""
        self._has_read = False

    def seconds(self, loop: asyncio.AbstractEventLoop) -> float:
        """Return how long the request that was just read may have waited. Call it from the loop's thread."""
        now = time.perf_counter()
        self._has_read = True
        if self._since is None:
            self._since = now
            loop.call_soon(self._begin_tasks, loop)
        return now - self._since

    def _begin_tasks(self, loop: asyncio.AbstractEventLoop) -> None:
        """Measure what is read next from here, before the tasks. With a callback to run, the loop does not wait."""
        if self._has_read:
            self._has_read, self._since = False, time.perf_counter()
            loop.call_soon(self._begin_tasks, loop)
        else:
            self._since = None
