"""Open-loop load: requests are sent on schedule even if responses are slow, on reused and on new connections.

Latency is measured from the scheduled time of a request. Otherwise a late generator, or one that waits for a response
before the next request, would hide waiting times that users see (coordinated omission).
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
"""A third of the lifetime of an access token."""

NEXT_LOGIN_SECONDS = 5
OWN_LIMITS = {errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM}
"""This machine has no files, ports or memory left: failures of the generator, not of the API."""

CLOSING_SECONDS = 0.5
"""TLS connections shut down after their session was closed. Source: aiohttp, Graceful shutdown."""


@dataclass(frozen=True)
class Target:
    """The API, the user and the request body."""

    url: str
    tls: ssl.SSLContext
    user: str
    password: str
    body: bytes


@dataclass(slots=True)
class Answer:
    """The result of one request."""

    started: float
    """Scheduled time, in seconds since the epoch."""

    kind: str
    """"kept" or "new": the connection."""

    late_seconds: float = 0.0
    """Delay after the scheduled time."""

    seconds: float = 0.0
    """From the scheduled time to the end of the response."""

    status: int = 0
    """0: no response, or a 200 without a prediction."""

    version: str = ""
    error: str = ""
    own: bool = False
    """This machine could not send the request."""


class Load:
    """The requests of one user."""

    def __init__(self, target: Target, *, new_every: int = 2) -> None:
        """Store the target; nothing is sent yet. Every ``new_every``-th request uses a new connection; 0: none."""
        self._target, self._new_every = target, new_every
        self._token = ""
        self._began = self._epoch = 0.0
        self.answers: list[Answer] = []
        self.sent = self.failed = 0
        self.cpu_share = 0.0
        """CPU use of this process while sending, as a share of one core."""

    async def open_loop(self, rate: float, seconds: float, stop: Callable[[], bool] = lambda: False) -> None:
        """Send ``rate`` requests per second."""
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
        """Send the next request after each response, to measure the capacity; latencies are meaningless here."""
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
        """Open one session that reuses connections and one that does not; let both shut down at the end."""
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
                wait = NEXT_LOGIN_SECONDS  # the present token is valid for ten more minutes

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
