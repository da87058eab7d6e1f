"""Accept every connection that waits, each time the event loop looks.

uvloop's own server accepts one connection each time. In a loaded worker, which looks a few times a second, new
connections would wait for many seconds: the probes of the kubelet, which restarts a pod that does not answer them, and
all clients that have no connection yet.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Coroutine
from typing import Any

__all__ = ["AcceptingServer"]

AT_A_TIME = 256
"""Connections accepted each time, so that other workers, which share the socket, get some too."""

PAUSE_SECONDS = 1.0
"""After a failure, such as too many open files."""

log = logging.getLogger("espalier.api.connections")


class AcceptingServer:
    """Listens on one socket, with the methods of a server that uvicorn calls."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listening: socket.socket,
        connect: Callable[[socket.socket], Coroutine[Any, Any, tuple[Any, Any]]],
    ) -> None:
        """Accept from now on; ``connect`` returns the transport and the protocol of an accepted socket."""
        listening.setblocking(False)
        self._loop, self._listening, self._connect = loop, listening, connect
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_open = True
        loop.add_reader(listening, self._accept)

    def close(self) -> None:
        """Accept no more."""
        if self._is_open:
            self._is_open = False
            self._loop.remove_reader(self._listening)

    async def wait_closed(self) -> None:
        """Return at once: uvicorn waits for the connections itself."""

    def _accept(self) -> None:
        for _ in range(AT_A_TIME):
            try:
                accepted, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                log.error("no connection can be accepted for a second", extra={"reason": error.strerror})
                self._loop.remove_reader(self._listening)
                self._loop.call_later(PAUSE_SECONDS, self._resume)
                return
            accepted.setblocking(False)
            task = self._loop.create_task(self._serve(accepted))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _resume(self) -> None:
        if self._is_open:
            self._loop.add_reader(self._listening, self._accept)

    async def _serve(self, accepted: socket.socket) -> None:
        try:
            _, protocol = await self._connect(accepted)
        except (OSError, TimeoutError):  # the client has left, or its TLS handshake failed or took too long
            accepted.close()
        else:
            if not self._is_open:
                protocol.shutdown()  # uvicorn has told only the connections that were there
