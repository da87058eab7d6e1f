"""Limits on the connections of a worker: how many, and how long each may keep it waiting.

In this module the head of a request is its request line and headers. Nothing here delays a request: one timer checks
the timeouts of all connections once a second.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from services.api.http.fast_path import FastPath
from services.api.http.overload import Overload
from services.api.process.loop_delay import LoopDelay

__all__ = ["ConnectionLimits", "Connections", "TrackedConnection"]

SWEEP_SECONDS = 1.0
"""Precision of the timeouts of connections."""

PROBE_CONNECTIONS = 64
"""Connections beyond a limit that are kept until their first head is complete: a probe is answered, any other request
gets a 503. More are aborted at once. They do not count towards the limit, or one client could fill the worker."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class ConnectionLimits:
    """Limits of one connection, and how many connections one worker accepts."""

    head_bytes: int = 16 * 1024
    """Of the request line and headers of one request; trailers and chunk extensions may have as much again."""

    head_fields: int = 100
    """Headers in one request."""

    head_seconds: float = 10
    """From the first byte of a head, or from the start of a connection, until the head is complete."""

    body_seconds: float = 10
    """How long the rest of a body may still arrive after the response is sent."""

    connections: int = 1000
    """Of one worker, in total."""

    connections_per_client: int = 500
    """Of one worker, from one address (IPv6: one /64 network)."""

    trusted_proxies: str = "127.0.0.1"
    """Addresses and networks, separated by commas, or ``*``. Only the total limit applies to them."""


class TrackedConnection(Protocol):
    """A connection whose timeouts are checked once a second."""

    def check_time(self, now: float) -> None:
        """Close if a timeout has expired."""
        ...


class Connections:
    """The connections of one worker."""

    def __init__(self, limits: ConnectionLimits) -> None:
        """Start without connections."""
        self.limits = limits
        self.count_refused: Callable[[str], None] = lambda _reason: None
        """Called with the reason of each refusal. The worker sets it to the metrics of its application."""
        self.fast_path: FastPath | None = None
        """Answers predictions without the application. The worker sets it, unless requests are traced."""
        self.overload: Overload | None = None
        """Refuses predictions that have waited too long. The worker sets it."""
        self.loop_delay = LoopDelay()
        self._open: dict[TrackedConnection, str | None] = {}
        self._excess: set[TrackedConnection] = set()
        self._by_client: Counter[str] = Counter()
        self._trusts_all, self._trusted = _networks(limits.trusted_proxies)
        self._timer: asyncio.TimerHandle | None = None

    def add(self, connection: TrackedConnection, address: str | None) -> bool:
        """Add a new connection; return whether it is within the limits."""
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
        """Whether the worker accepts no more connections, from any client."""
        return len(self._open) - len(self._excess) >= self.limits.connections

    @property
    def is_overfull(self) -> bool:
        """Whether not even a probe can be accepted."""
        return len(self._excess) > PROBE_CONNECTIONS

    def discard(self, connection: TrackedConnection) -> None:
        """Remove a closed connection."""
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
        """Return the client a connection counts for; None for a trusted proxy or a UNIX socket."""
        try:
            parsed = ipaddress.ip_address(address or "")
        except ValueError:
            return None
        parsed = getattr(parsed, "ipv4_mapped", None) or parsed
        if self._trusts_all or any(parsed in network for network in self._trusted):
            return None
        return str(parsed) if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))  # noqa: PLR2004


def _networks(text: str) -> tuple[bool, tuple[Network, ...]]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    networks = []
    for part in parts:
        try:
            networks.append(ipaddress.ip_network(part, strict=False))
        except ValueError:  # "*", or the path of a UNIX socket, which uvicorn accepts too
            continue
    return "*" in parts, tuple(networks)
