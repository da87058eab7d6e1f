"""Which tokens have ended before their time, as each worker knows it.

Nothing is asked while a request waits: a task reads what was revoked of late every few seconds. While the database is
unavailable, what was read last holds.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from services.api.auth.access_tokens import MAX_TOKEN_SECONDS, Claims
from services.api.database.engine import TokenRevocation, open_session
from services.api.errors import StoreUnavailable

__all__ = ["REFRESH_SECONDS", "Revocations"]

REFRESH_SECONDS = 15.0
"""A revocation holds everywhere within a minute, even if a refresh fails and the next one is slow."""

FIRST_SECONDS = 2.0
"""How long a start waits for the first refresh."""

KEPT_SECONDS = MAX_TOKEN_SECONDS + 3600
"""Older ones concern no token that is still good; with an hour for clocks that differ."""

log = logging.getLogger("espalier.api.revocations")


class Revocations:
    """The least epoch of each subject whose tokens were revoked of late."""

    def __init__(self, engine: Engine, now: Callable[[], float] = time.time) -> None:
        """Know of none; use tables that ``migrate`` has made."""
        self._engine, self._now = engine, now
        self._epochs: dict[str, int] = {}

    def is_revoked(self, claims: Claims) -> bool:
        """Tell whether the token was given out before its subject's last revocation."""
        return claims.epoch < self._epochs.get(claims.subject, 0)

    def refresh(self) -> None:
        """Read the database.

        Raises:
            StoreUnavailable: what was read last holds on.
        """
        recent = select(TokenRevocation.subject, TokenRevocation.epoch).where(
            TokenRevocation.at > self._now() - KEPT_SECONDS
        )
        with open_session(self._engine) as session:
            self._epochs = {row.subject: row.epoch for row in session.execute(recent)}

    @asynccontextmanager
    async def kept_fresh(self, seconds: float = REFRESH_SECONDS) -> AsyncIterator[None]:
        """Refresh every so many seconds for as long as the block lasts."""
        first = asyncio.Event()
        task = asyncio.create_task(self._refresh_forever(seconds, first))
        with suppress(TimeoutError):  # a database that hangs delays no start for longer
            await asyncio.wait_for(first.wait(), FIRST_SECONDS)
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _refresh_forever(self, seconds: float, first: asyncio.Event) -> None:
        while True:
            try:
                await run_in_threadpool(self.refresh)
            except StoreUnavailable:
                pass  # was logged
            except SQLAlchemyError as error:  # whatever it is, the next round tries again
                log.error("revocations cannot be read", extra={"error": str(error).partition("\n")[0]})
            first.set()
            await asyncio.sleep(seconds)
