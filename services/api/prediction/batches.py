"""Run work in threads, such as predicting many rows, with a limit on what runs and what waits."""

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
    """Limits the work of one worker, so that a request is answered soon or refused at once."""

    def __init__(self, *, concurrency: int, waiting: int) -> None:
        """Allow ``concurrency`` at a time, and ``waiting`` more to wait for them."""
        self._free = asyncio.Semaphore(concurrency)
        self._waiting, self._max_waiting = 0, waiting

    async def run(self, request: Request, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Run the work in a thread. It never starts if the request has timed out or its client has disconnected.

        Raises:
            Busy: too many wait.
            BodyCutShort: the client disconnected while its request waited.
        """
        if self._free.locked() and self._waiting >= self._max_waiting:
            raise Busy("too many large requests are in progress; retry in a second")
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        try:
            if await request.is_disconnected():
                raise BodyCutShort("the client disconnected before its request was started")
            return await run_in_threadpool(work, *args, **options)
        finally:
            self._free.release()
