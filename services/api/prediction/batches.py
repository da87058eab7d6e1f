"""Run work in threads, such as predicting many rows, with a limit on what runs and what waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from services.api.errors import BodyCutShort, Busy

__all__ = ["Batches", "Cost"]

P = ParamSpec("P")
T = TypeVar("T")

WEIGHT = 0.2
"""Of the newest measurement in the time of a unit of work."""


@dataclass(frozen=True)
class Cost:
    """What a request is expected to cost: work of one kind takes time in proportion to its units, which is measured."""

    kind: str
    units: int
    """Such as rows or bytes."""


class Batches:
    """Limits the work of one worker, so that a request is answered soon or refused at once."""

    def __init__(
        self,
        *,
        concurrency: int,
        waiting: int,
        wait_seconds: float = float("inf"),
        on_refused: Callable[[], None] = lambda: None,
    ) -> None:
        """Allow ``concurrency`` at a time, and ``waiting`` more to wait for them, if that takes ``wait_seconds``."""
        self._free, self._concurrency = asyncio.Semaphore(concurrency), concurrency
        self._waiting, self._max_waiting = 0, waiting
        self._wait_seconds, self._on_refused = wait_seconds, on_refused
        self._expected = 0.0
        """Seconds that all work in progress is expected to take, of which ``concurrency`` pass at a time."""
        self._measured: dict[str, float] = {}
        """Kind of work → seconds for one unit."""

    async def run(self, request: Request, cost: Cost, work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Run the work in a thread. It never starts if the request has timed out or its client has disconnected.

        Raises:
            Busy: too many wait, or the wait would be too long.
            BodyCutShort: the client disconnected while its request waited.
        """
        self._check(self._expected / self._concurrency)
        expected = cost.units * self._measured.get(cost.kind, 0.0)
        self._expected += expected
        try:
            return await self._run_in_turn(request, cost, lambda: work(*args, **options))
        finally:
            self._expected -= expected

    def _check(self, wait_seconds: float) -> None:
        if self._free.locked() and (self._waiting >= self._max_waiting or wait_seconds > self._wait_seconds):
            self._on_refused()
            raise Busy("too many large requests are in progress; retry in a second")

    async def _run_in_turn(self, request: Request, cost: Cost, work: Callable[[], T]) -> T:
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        try:
            if await request.is_disconnected():
                raise BodyCutShort("the client disconnected before its request was started")
            started = time.perf_counter()
            done = await run_in_threadpool(work)
            self._learn(cost, time.perf_counter() - started)
        finally:
            self._free.release()
        return done

    def _learn(self, cost: Cost, seconds: float) -> None:
        newest = seconds / max(cost.units, 1)
        self._measured[cost.kind] = WEIGHT * newest + (1 - WEIGHT) * self._measured.get(cost.kind, newest)
