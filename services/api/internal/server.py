"""A small server in the parent of the workers, on a port that is never published."""

from __future__ import annotations

import threading
from socket import AF_INET6
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client.exposition import ThreadingWSGIServer

__all__ = ["InternalServer"]


class InternalServer:
    """Answers what a WSGI app answers, each request in a thread of its own."""

    def __init__(self, app: Any) -> None:
        """Prepare; nothing listens yet."""
        self._app = app
        self._server: ThreadingWSGIServer | None = None

    def start(self, host: str, port: int) -> None:
        """Begin to answer."""
        kind = _Server6 if ":" in host else ThreadingWSGIServer
        self._server = make_server(host, port, self._app, kind, handler_class=_Silent)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """End, and give the port back."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def leave_to_parent(self) -> None:
        """Close, in a worker, the socket that it inherited."""
        if self._server is not None:
            self._server.socket.close()


class _Server6(ThreadingWSGIServer):
    address_family = AF_INET6


class _Silent(WSGIRequestHandler):
    timeout = 30  # a peer that stops reading must not hold a thread

    def log_message(self, *_args: Any) -> None:
        """Say nothing of each request."""
