"""How many passwords are hashed at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.api.errors import Busy

__all__ = ["HashSlots"]

MAX_WAITING = 32
"""Known callers in line; at 70 ms a hash the last one waits about two seconds on one core."""


class HashSlots:
    """Bounds the memory and CPU that hashing takes in one worker.

    One slot, where there are several, is kept for callers who have proved who they are before, so that guessing from
    everywhere does not keep them out.
    """

    def __init__(self, count: int) -> None:
        """Give out ``count`` slots."""
        self._free = asyncio.Semaphore(count)
        self._for_anybody = asyncio.Semaphore(max(1, count - 1))
        self._waiting = 0

    @asynccontextmanager
    async def take(self, *, is_known: bool) -> AsyncIterator[None]:
        """Hold a slot. Known callers wait in line for one, others are told to come again.

        Raises:
            Busy: none is free, or too many wait.
        """
        if not is_known:
            if self._for_anybody.locked() or self._free.locked():
                raise _busy()
            async with self._for_anybody, self._free:
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
    return Busy("too many passwords are being checked; come again in a second")
