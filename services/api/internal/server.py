"""A small HTTP server in the parent of the workers, on an internal port."""

from __future__ import annotations

import threading
from socket import AF_INET6
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client.exposition import ThreadingWSGIServer

__all__ = ["InternalServer"]


class InternalServer:
    """Serves a WSGI application, with one thread per request."""

    def __init__(self, app: Any) -> None:
        """Prepare; nothing listens yet."""
        self._app = app
        self._server: ThreadingWSGIServer | None = None

    def start(self, host: str, port: int) -> None:
        """Start to listen."""
        kind = _Server6 if ":" in host else ThreadingWSGIServer
        self._server = make_server(host, port, self._app, kind, handler_class=_Silent)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Stop, and release the port."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def leave_to_parent(self) -> None:
        """Close, in a worker, the inherited socket."""
        if self._server is not None:
            self._server.socket.close()


class _Server6(ThreadingWSGIServer):
    address_family = AF_INET6


class _Silent(WSGIRequestHandler):
    timeout = 30  # a peer that stops reading must not hold a thread

    def log_message(self, *_args: Any) -> None:
        """Log nothing per request."""
