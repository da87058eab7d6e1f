"""Limit on the passwords that are hashed at a time, in threads that predictions take precedence over."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from services.api.errors import Busy

__all__ = ["HashSlots"]

NICENESS = 10
"""Of the threads. At the priority of the event loop, a login takes half of a core for as long as it hashes: the 99th
percentile of the predictions' latency was 60 ms. Now it is 4 ms, and a hash still gets a tenth of a loaded core."""

T = TypeVar("T")

MAX_WAITING = 32
"""Known callers in the queue; at 70 ms per hash the last one waits about two seconds on one core."""


class HashSlots:
    """Limits the memory and CPU for hashing in one worker.

    If there are several slots, one is reserved for callers who have logged in before, so that an attack from many
    addresses does not lock them out.
    """

    def __init__(self, count: int) -> None:
        """Create ``count`` slots."""
        self._free = asyncio.Semaphore(count)
        self._for_unknown = asyncio.Semaphore(max(1, count - 1))
        self._waiting = 0
        # It starts no thread before the first hash, so the application can be forked.
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="password", initializer=_lower_priority)

    async def run(self, hashing: Callable[..., T], *args: Any, is_known: bool) -> T:
        """Call ``hashing`` in a thread while holding a slot.

        Raises:
            Busy
        """
        async with self._take(is_known=is_known):
            call = partial(copy_context().run, hashing, *args)
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    @asynccontextmanager
    async def _take(self, *, is_known: bool) -> AsyncIterator[None]:
        """Hold a slot. Known callers wait in a queue; for others there is no queue.

        Raises:
            Busy: no slot is free, or the queue is full.
        """
        if not is_known:
            if self._for_unknown.locked() or self._free.locked():
                raise _busy()
            async with self._for_unknown, self._free:
                yield
            return
        if self._waiting >= MAX_WAITING:
            raise _busy()
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()


def _lower_priority() -> None:
    # Linux lowers the priority of one thread only; elsewhere this would be the whole process.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _busy() -> Busy:
    return Busy("too many passwords are being checked; retry in a second")
