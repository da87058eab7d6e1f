"""How many connections a worker holds, and how long each may keep it waiting.

Nothing here is on a request's path: times are looked at once a second, by one timer for all connections.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["ConnectionLimits", "Connections", "TrackedConnection"]

SWEEP_SECONDS = 1.0
"""How precise time limits of connections are."""

PROBE_CONNECTIONS = 64
"""Connections beyond a limit that are kept until their first head is there: a probe among them is answered, any other
request gets 503. More are cut at once. They take no place from others: else one client could fill the worker."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class ConnectionLimits:
    """What one connection may cost, and how many of them one worker holds."""

    head_bytes: int = 16 * 1024
    """Request line and headers of one request; trailers and chunk extensions have as much again."""

    head_fields: int = 100
    """Headers in one request."""

    head_seconds: float = 10
    """From the first byte of a head, or from the beginning of a connection, until the head is whole."""

    body_seconds: float = 10
    """How long the rest of a body may still come once the response is sent."""

    connections: int = 1000
    """Of one worker, in all."""

    connections_per_client: int = 500
    """Of one worker, from one address (IPv6: one /64 network)."""

    trusted_proxies: str = "127.0.0.1"
    """Addresses and networks (commas between), or ``*``, for which only the limit of all connections holds."""


class TrackedConnection(Protocol):
    """What a connection is asked once a second."""

    def check_time(self, now: float) -> None:
        """End if a time limit has passed."""
        ...


class Connections:
    """The connections of one worker."""

    def __init__(self, limits: ConnectionLimits) -> None:
        """Begin with none."""
        self.limits = limits
        self.count_refused: Callable[[str], None] = lambda _reason: None
        """Hears why each connection is refused; the app's metrics, once there is an app."""
        self._open: dict[TrackedConnection, str | None] = {}
        self._excess: set[TrackedConnection] = set()
        self._by_client: Counter[str] = Counter()
        self._trusts_all, self._trusted = _networks(limits.trusted_proxies)
        self._timer: asyncio.TimerHandle | None = None

    def add(self, connection: TrackedConnection, address: str | None) -> bool:
        """Take note of a new connection; say whether it is within the limits."""
        client = self._client(address)
        is_within = not self.is_full and (
            client is None or self._by_client[client] < self.limits.connections_per_client
        )
        self._open[connection] = client
        if not is_within:
            self._excess.add(connection)
        elif client is not None:
            self._by_client[client] += 1
        if self._timer is None:
            self._schedule()
        return is_within

    @property
    def is_full(self) -> bool:
        """Whether the worker takes no more, whoever's they are."""
        return len(self._open) - len(self._excess) >= self.limits.connections

    @property
    def is_overfull(self) -> bool:
        """Whether not even a probe can be waited for."""
        return len(self._excess) > PROBE_CONNECTIONS

    def discard(self, connection: TrackedConnection) -> None:
        """Forget a connection that has ended."""
        client = self._open.pop(connection, None)
        if connection in self._excess:
            self._excess.remove(connection)
        elif client is not None:
            self._by_client[client] -= 1
            if not self._by_client[client]:
                del self._by_client[client]

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(SWEEP_SECONDS, self._sweep, loop)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        for connection in list(self._open):
            connection.check_time(now)
        if self._open:
            self._schedule()

    def _client(self, address: str | None) -> str | None:
        """Return whom a connection is counted for; nobody if it comes from a proxy, or by no network at all."""
        try:
            found = ipaddress.ip_address(address or "")
        except ValueError:
            return None
        found = getattr(found, "ipv4_mapped", None) or found
        if self._trusts_all or any(found in network for network in self._trusted):
            return None
        return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))  # noqa: PLR2004


def _networks(text: str) -> tuple[bool, tuple[Network, ...]]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    found = []
    for part in parts:
        try:
            found.append(ipaddress.ip_network(part, strict=False))
        except ValueError:  # "*", or the path of a UNIX socket, which uvicorn takes too
            continue
    return "*" in parts, tuple(found)
