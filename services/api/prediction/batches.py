"""Work for threads, such as predicting many rows: a few at a time, a few more waiting, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from services.api.errors import BodyCutShort, Busy

__all__ = ["Batches"]

P = ParamSpec("P")
T = TypeVar("T")


class Batches:
    """Bounds what one worker has under way, so that an answer comes soon or is refused at once."""

    def __init__(self, *, concurrency: int, waiting: int) -> None:
        """Allow ``concurrency`` at a time, and ``waiting`` more to wait for them."""
        self._free = asyncio.Semaphore(concurrency)
        self._waiting, self._max_waiting = 0, waiting

    async def run(self, request: Request, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Do the work in a thread. What has not begun when the request's time is over, or its client left, never does.

        Raises:
            Busy: too many wait.
            BodyCutShort: the client left while its request waited.
        """
        if self._free.locked() and self._waiting >= self._max_waiting:
            raise Busy("too many large requests are under way; come again in a second")
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        try:
            if await request.is_disconnected():
                raise BodyCutShort("the client left before its request was begun")
            return await run_in_threadpool(work, *args, **options)
        finally:
            self._free.release()
