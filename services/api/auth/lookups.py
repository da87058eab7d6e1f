"""Queries for callers who are not authenticated yet: in threads, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool

__all__ = ["MAX_LOOKUPS", "Lookups"]

MAX_LOOKUPS = 4
"""At a time, so that a flood leaves connections of the database and threads to other requests."""

P = ParamSpec("P")
T = TypeVar("T")


class Lookups:
    """Runs queries of one kind."""

    def __init__(self) -> None:
        """Start with none."""
        self._free = asyncio.Semaphore(MAX_LOOKUPS)

    async def run(self, query: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the query returns; wait while enough others run."""
        async with self._free:
            return await run_in_threadpool(query, *args, **kwargs)
