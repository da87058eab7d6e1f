"""The worker class: uvicorn with its fast parser and loop, and with bounds on connections."""

from __future__ import annotations

from functools import partial
from typing import Any

import uvloop
from uvicorn_worker import UvicornWorker

from services.api.process.connections import Connections
from services.api.process.http_protocol import BoundedHttpProtocol

__all__ = ["ApiWorker", "BoundedLoop"]

SHUTDOWN_SECONDS = 5.0
"""How long TLS waits for a client's goodbye before it is cut."""


class BoundedLoop(uvloop.Loop):
    """A loop whose TLS servers wait for nobody for long; uvicorn has no option for it."""

    def __init__(self, handshake_seconds: float) -> None:
        """Hold the time that a handshake may take."""
        super().__init__()
        self._handshake_seconds = handshake_seconds

    async def create_server(self, *args: Any, **options: Any) -> Any:
        """Listen."""
        if options.get("ssl"):
            options |= {"ssl_handshake_timeout": self._handshake_seconds, "ssl_shutdown_timeout": SHUTDOWN_SECONDS}
        return await super().create_server(*args, **options)


class ApiWorker(UvicornWorker):  # type: ignore[misc]  # the library has no types
    """uvicorn under gunicorn; says nothing of itself in headers."""

    CONFIG_KWARGS = {  # noqa: RUF012
        "ws": "none",
        "server_header": False,
        "lifespan": "on",
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        """Take the limits from the server whose worker this is."""
        super().__init__(*args, **options)
        limits = self.app.options.connections
        self.config.get_loop_factory = lambda: partial(BoundedLoop, limits.head_seconds)
        self._connections = Connections(limits)
        self.config.http = partial(BoundedHttpProtocol, connections=self._connections)

    def load_wsgi(self) -> None:
        """Load the app, whose metrics count what is refused before the app hears of it."""
        super().load_wsgi()
        self._connections.count_refused = self.wsgi.state.services.metrics.count_refused_connection
