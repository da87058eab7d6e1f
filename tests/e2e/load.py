"""Open-loop load: requests leave at their times, however slow the answers are, on kept and on new connections.

    python -m tests.e2e.load --url https://localhost:9443 --ca ca.pem --user u --rate 50 --seconds 60 --results FILE

The password comes from the environment (LOAD_PASSWORD). A file named by --stop ends it early. ``--rate 0`` asks
instead as fast as sixteen clients in a closed loop can, to find the capacity.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp

ROOT = Path(__file__).parents[2]
BODY = (ROOT / "docs/example-request.json").read_bytes()
TIMEOUT_SECONDS = 20
CLIENTS = 16
LOGIN_SECONDS = 300


@dataclass
class Answer:
    """What came of one request."""

    started: float
    seconds: float
    kind: str
    """"kept" or "new": the connection."""

    status: int
    """0: no answer."""

    version: str = ""
    error: str = ""


class Load:
    """One user's requests."""

    def __init__(self, url: str, ca: Path, user: str, password: str) -> None:
        """Prepare; nothing is sent yet."""
        self._url, self._user, self._password = url, user, password
        self._tls = ssl.create_default_context(cafile=str(ca))
        self.answers: list[Answer] = []
        self._token = ""

    async def open_loop(self, rate: float, seconds: float, stop: Path | None) -> None:
        """Send ``rate`` requests a second; every second one on a connection of its own."""
        async with self._session(keep=True) as kept, self._session(keep=False) as new:
            await self._log_in(kept)
            tasks, began, number = set(), time.monotonic(), 0
            renew = asyncio.create_task(self._stay_logged_in(kept))
            while (due := number / rate) < seconds and not (stop and stop.exists()):
                await asyncio.sleep(max(0.0, began + due - time.monotonic()))
                session, kind = ((kept, "kept"), (new, "new"))[number % 2]
                task = asyncio.create_task(self._ask(session, kind))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
                number += 1
            await asyncio.gather(*tasks)
            renew.cancel()

    async def closed_loop(self, seconds: float) -> None:
        """Ask again as soon as there is an answer."""
        async with self._session(keep=True) as kept, self._session(keep=False) as new:
            await self._log_in(kept)
            end = time.monotonic() + seconds

            async def client(session: aiohttp.ClientSession, kind: str) -> None:
                while time.monotonic() < end:
                    await self._ask(session, kind)

            await asyncio.gather(*(client(*((kept, "kept"), (new, "new"))[number % 2]) for number in range(CLIENTS)))

    def _session(self, *, keep: bool) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(ssl=self._tls, limit=0, force_close=not keep)
        return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS))

    async def _log_in(self, session: aiohttp.ClientSession) -> None:
        form = {"grant_type": "password", "username": self._user, "password": self._password}
        async with session.post(f"{self._url}/v1/auth/token", data=form) as answer:
            answer.raise_for_status()
            self._token = (await answer.json())["access_token"]

    async def _stay_logged_in(self, session: aiohttp.ClientSession) -> None:
        while True:
            await asyncio.sleep(LOGIN_SECONDS)
            await self._log_in(session)

    async def _ask(self, session: aiohttp.ClientSession, kind: str) -> None:
        started = time.monotonic()
        answer = Answer(time.time(), 0.0, kind, 0)
        headers = {"authorization": f"Bearer {self._token}", "content-type": "application/json"}
        try:
            async with session.post(f"{self._url}/v1/predict", data=BODY, headers=headers) as response:
                body = await response.read()
                answer.status = response.status
                if answer.status == 200:
                    answer.version = json.loads(body)["model"]["version"]
                else:
                    answer.error = body[:200].decode(errors="replace")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            answer.error = f"{type(error).__name__}: {error}"
        answer.seconds = time.monotonic() - started
        self.answers.append(answer)


def main() -> None:
    """Run, and write one JSON line an answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--ca", type=Path, required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--stop", type=Path)
    given = parser.parse_args()
    load = Load(given.url, given.ca, given.user, os.environ["LOAD_PASSWORD"])
    work: Callable[[], Awaitable[None]] = lambda: (  # noqa: E731
        load.open_loop(given.rate, given.seconds, given.stop) if given.rate else load.closed_loop(given.seconds)
    )
    asyncio.run(work())  # type: ignore[arg-type]
    given.results.write_text("".join(json.dumps(asdict(answer)) + "\n" for answer in load.answers))


if __name__ == "__main__":
    main()
