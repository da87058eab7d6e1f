"""Limit on the passwords that are hashed at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.api.errors import Busy

__all__ = ["HashSlots"]

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

    @asynccontextmanager
    async def take(self, *, is_known: bool) -> AsyncIterator[None]:
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


def _busy() -> Busy:
    return Busy("too many passwords are being checked; retry in a second")
