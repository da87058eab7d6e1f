"""Open-loop load: requests leave at their times, however slow the answers are, on kept and on new connections.

Latency counts from the time at which a request was meant to leave. A generator that is late, or that waits for an
answer before it asks again, would otherwise leave out the waiting that users have (coordinated omission).
"""

from __future__ import annotations

import asyncio
import errno
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

__all__ = ["OK", "Answer", "Load", "Target"]

OK = 200
TIMEOUT_SECONDS = 20
CLIENTS = 16
LOGIN_SECONDS = 300
"""A third of an access token's life."""

NEXT_LOGIN_SECONDS = 5
OWN_LIMITS = {errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM}
"""No files, ports or memory left on this machine: failures of the generator, not of the API."""

CLOSING_SECONDS = 0.5
"""TLS connections shut down after their session is closed. Source: aiohttp, Graceful shutdown."""


@dataclass(frozen=True)
class Target:
    """What is asked, where and by whom."""

    url: str
    tls: ssl.SSLContext
    user: str
    password: str
    body: bytes


@dataclass(slots=True)
class Answer:
    """What came of one request."""

    started: float
    """When it was meant to leave, in seconds since the epoch."""

    kind: str
    """"kept" or "new": the connection."""

    late_seconds: float = 0.0
    """How much later it left."""

    seconds: float = 0.0
    """From when it was meant to leave to the end of its answer."""

    status: int = 0
    """0: no answer, or none that is a prediction though it says so."""

    version: str = ""
    error: str = ""
    own: bool = False
    """This machine could not send it."""


class Load:
    """One user's requests."""

    def __init__(self, target: Target, *, new_every: int = 2) -> None:
        """Prepare; nothing is sent yet. Each ``new_every``-th request takes a connection of its own, none at 0."""
        self._target, self._new_every = target, new_every
        self._token = ""
        self._began = self._epoch = 0.0
        self.answers: list[Answer] = []
        self.sent = self.failed = 0
        self.cpu_share = 0.0
        """Of one core, by this process while it sent."""

    async def open_loop(self, rate: float, seconds: float, stop: Callable[[], bool] = lambda: False) -> None:
        """Send ``rate`` requests a second."""
        async with self._sessions() as (kept, new):
            await self._log_in(kept)
            renew = asyncio.create_task(self._stay_logged_in(kept))
            tasks: set[asyncio.Task[None]] = set()
            self._start_clock()
            used = time.process_time()
            while (offset := self.sent / rate) < seconds and not stop():
                due = self._began + offset
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                task = asyncio.create_task(self._ask(*self._connection(kept, new), due))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                self.sent += 1
            self.cpu_share = (time.process_time() - used) / max(time.monotonic() - self._began, 1e-9)
            await asyncio.gather(*tasks)
            renew.cancel()

    async def closed_loop(self, seconds: float) -> None:
        """Ask again as soon as there is an answer, to find the capacity; the latencies say nothing here."""
        async with self._sessions() as (kept, new):
            await self._log_in(kept)
            self._start_clock()

            async def client(session: aiohttp.ClientSession, kind: str) -> None:
                while (now := time.monotonic()) < self._began + seconds:
                    self.sent += 1
                    await self._ask(session, kind, now)

            await asyncio.gather(*(client(*((kept, "kept"), (new, "new"))[number % 2]) for number in range(CLIENTS)))

    def _start_clock(self) -> None:
        self._began, self._epoch = time.monotonic(), time.time()

    def _connection(self, kept: aiohttp.ClientSession, new: aiohttp.ClientSession) -> tuple[aiohttp.ClientSession, str]:
        own = self._new_every and self.sent % self._new_every == self._new_every - 1
        return (new, "new") if own else (kept, "kept")

    @asynccontextmanager
    async def _sessions(self) -> AsyncIterator[tuple[aiohttp.ClientSession, aiohttp.ClientSession]]:
        """Open one that keeps its connections and one that does not; then let them shut down."""
        async with self._session(keep=True) as kept, self._session(keep=False) as new:
            yield kept, new
        await asyncio.sleep(CLOSING_SECONDS)

    def _session(self, *, keep: bool) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(ssl=self._target.tls, limit=0, force_close=not keep)
        return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS))

    async def _log_in(self, session: aiohttp.ClientSession) -> None:
        form = {"grant_type": "password", "username": self._target.user, "password": self._target.password}
        async with session.post(f"{self._target.url}/v1/auth/token", data=form) as answer:
            answer.raise_for_status()
            self._token = (await answer.json())["access_token"]

    async def _stay_logged_in(self, session: aiohttp.ClientSession) -> None:
        wait = LOGIN_SECONDS
        while True:
            await asyncio.sleep(wait)
            try:
                await self._log_in(session)
                wait = LOGIN_SECONDS
            except (aiohttp.ClientError, TimeoutError, OSError):
                wait = NEXT_LOGIN_SECONDS  # the token at hand still holds for ten minutes

    async def _ask(self, session: aiohttp.ClientSession, kind: str, due: float) -> None:
        answer = Answer(self._epoch + due - self._began, kind, late_seconds=time.monotonic() - due)
        headers = {"authorization": f"Bearer {self._token}", "content-type": "application/json"}
        try:
            async with session.post(
                f"{self._target.url}/v1/predict", data=self._target.body, headers=headers, allow_redirects=False
            ) as response:
                _read(answer, response.status, await response.read())
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            answer.error = f"{type(error).__name__}: {error}"
            answer.own = getattr(error, "errno", None) in OWN_LIMITS
        answer.seconds = time.monotonic() - due
        self.failed += answer.status != OK
        self.answers.append(answer)


def _read(answer: Answer, status: int, body: bytes) -> None:
    if status != OK:
        answer.status, answer.error = status, body[:200].decode(errors="replace")
        return
    try:
        answer.version = json.loads(body)["model"]["version"]
        answer.status = status
    except (ValueError, KeyError, TypeError):
        answer.error = f"200 without a prediction: {body[:200].decode(errors='replace')}"
