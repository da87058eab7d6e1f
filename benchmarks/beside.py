"""Requests of other kinds that are sent beside a load: are they answered, and how late?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

__all__ = ["Beside", "Watched"]

PAUSE_SECONDS = 0.25
TIMEOUT_SECONDS = 30


@dataclass
class Watched:
    """Requests of one kind."""

    sent: int = 0
    failed: int = 0
    slowest_ms: float = 0.0


@dataclass(frozen=True)
class Beside:
    """Sends one request of each kind in turn, each on a new connection, as the kubelet does."""

    asks: Mapping[str, Callable[[httpx.Client], httpx.Response]]

    @contextmanager
    def watching(self) -> Iterator[dict[str, Watched]]:
        """Send for as long as the block lasts; yield what is counted."""
        seen = {name: Watched() for name in self.asks}
        end = threading.Event()
        thread = threading.Thread(target=self._watch, args=(seen, end))
        thread.start()
        try:
            yield seen
        finally:
            end.set()
            thread.join()

    def _watch(self, seen: dict[str, Watched], end: threading.Event) -> None:
        while not end.is_set():
            for name, ask in self.asks.items():
                _send(ask, seen[name])
                end.wait(PAUSE_SECONDS)


def _send(ask: Callable[[httpx.Client], httpx.Response], watched: Watched) -> None:
    began = time.perf_counter()
    watched.sent += 1
    try:
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            watched.failed += not ask(client).is_success
    except httpx.HTTPError:
        watched.failed += 1
    watched.slowest_ms = max(watched.slowest_ms, 1000 * (time.perf_counter() - began))
