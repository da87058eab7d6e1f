"""The worker class: uvicorn with its fast parser and event loop, and with limits on connections."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import uvloop
from uvicorn_worker import UvicornWorker

from services.api.process.accepting import AcceptingServer
from services.api.process.connections import Connections
from services.api.process.fast_protocol import FastHttpProtocol

__all__ = ["ApiWorker", "BoundedLoop"]

SWITCH_SECONDS = 0.0005
"""How long the event loop waits for another thread that computes. Python's own 5 ms would be the 99th percentile of the
latency: a thread takes over whenever the event loop evaluates trees."""

SHUTDOWN_SECONDS = 5.0
"""How long TLS waits for the client to close the connection before it is aborted."""


class BoundedLoop(uvloop.Loop):
    """An event loop that accepts all connections that wait, and whose TLS handshakes have a timeout."""

    def __init__(self, handshake_seconds: float) -> None:
        """Set the timeout of a TLS handshake."""
        super().__init__()
        self._handshake_seconds = handshake_seconds

    async def create_server(  # type: ignore[override]  # of its many options uvicorn uses these
        self,
        protocol_factory: Callable[[], Any],
        *,
        sock: socket.socket,
        ssl: Any = None,
        backlog: int,
        **_options: Any,
    ) -> Any:
        """Listen on a socket, as uvicorn does."""
        sock.listen(backlog)
        tls: dict[str, Any] = {}
        if ssl:
            tls = {
                "ssl_handshake_timeout": self._handshake_seconds,
                "ssl_shutdown_timeout": SHUTDOWN_SECONDS,
                "ssl": ssl,
            }
        return AcceptingServer(self, sock, partial(self.connect_accepted_socket, protocol_factory, **tls))


class ApiWorker(UvicornWorker):  # type: ignore[misc]  # the library has no types
    """uvicorn under gunicorn, without a Server header."""

    CONFIG_KWARGS = {  # noqa: RUF012
        "ws": "none",
        "server_header": False,
        "lifespan": "on",
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        """Take the limits from the parent's options."""
        super().__init__(*args, **options)
        limits = self.app.options.connections
        self.config.get_loop_factory = lambda: partial(BoundedLoop, limits.head_seconds)
        self._connections = Connections(limits)
        self.config.http = partial(FastHttpProtocol, connections=self._connections)

    def init_process(self) -> None:
        """Serve, until the parent ends this process."""
        sys.setswitchinterval(SWITCH_SECONDS)
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application; its metrics count connections that are refused before they reach it."""
        super().load_wsgi()
        state = self.wsgi.state
        self._connections.count_refused = state.services.metrics.count_refused_connection
        self._connections.fast_path, self._connections.overload = state.fast_path, state.overload
