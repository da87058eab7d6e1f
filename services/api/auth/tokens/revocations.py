"""Revoked tokens, cached in each worker.

No request queries the database for this: a task reads the recent revocations every few seconds. While the database is
unavailable, the last state that was read stays in use.
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

from services.api.auth.tokens.access_tokens import MAX_TOKEN_SECONDS, Claims
from services.api.database.engine import open_session
from services.api.database.tables import TokenRevocation
from services.api.errors import StoreUnavailable

__all__ = ["REFRESH_SECONDS", "Revocations"]

REFRESH_SECONDS = 15.0
"""A revocation takes effect everywhere within a minute, even if one refresh fails and the next one is slow."""

FIRST_SECONDS = 2.0
"""How long a start waits for the first refresh."""

KEPT_SECONDS = MAX_TOKEN_SECONDS + 3600
"""Older revocations concern no token that is still valid. One hour is for clock skew."""

log = logging.getLogger("espalier.api.revocations")


class Revocations:
    """The minimum epoch of each subject whose tokens were revoked recently."""

    def __init__(self, engine: Engine, now: Callable[[], float] = time.time) -> None:
        """Start empty; use the tables of a migrated database."""
        self._engine, self._now = engine, now
        self._epochs: dict[str, int] = {}

    def is_revoked(self, claims: Claims) -> bool:
        """Return whether the token was issued before the last revocation of its subject."""
        return claims.epoch < self._epochs.get(claims.subject, 0)

    def refresh(self) -> None:
        """Read the database.

        Raises:
            StoreUnavailable: the last state stays in use.
        """
        recent = select(TokenRevocation.subject, TokenRevocation.epoch).where(
            TokenRevocation.at > self._now() - KEPT_SECONDS
        )
        with open_session(self._engine) as session:
            self._epochs = {row.subject: row.epoch for row in session.execute(recent)}

    @asynccontextmanager
    async def kept_fresh(self, seconds: float = REFRESH_SECONDS) -> AsyncIterator[None]:
        """Refresh every ``seconds`` until the block ends."""
        first = asyncio.Event()
        task = asyncio.create_task(self._refresh_forever(seconds, first))
        with suppress(TimeoutError):  # a hanging database delays the start no longer than this
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
                pass  # already logged
            except SQLAlchemyError as error:  # the next round tries again
                log.error("cannot read revocations", extra={"error": str(error).partition("\n")[0]})
            first.set()
            await asyncio.sleep(seconds)
