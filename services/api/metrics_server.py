"""The internal port: the metrics of all workers together and of their parent, and the bundle that they serve, for pods
that need one.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from socket import AF_INET6
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer
from prometheus_client.registry import Collector

from espalier.bundle import BUNDLE_FILES
from services.api.bundles import ServedBundle
from services.api.peers import BUNDLE_PATH
from services.api.shared_counts import SharedCounts

__all__ = ["MetricsServer"]

Environ = dict[str, Any]
Respond = Callable[..., Any]


class MetricsServer:
    """A thread in the parent of the workers: it sees the files of them all."""

    def __init__(self, folder: Path, served: ServedBundle | None, *collectors: Collector) -> None:
        """Serve what workers write to ``folder``, what the parent collects, and a verified bundle, if there is one."""
        self._counts, self._served, self._collectors = SharedCounts(folder), served, collectors
        self._server: ThreadingWSGIServer | None = None

    def start(self, host: str, port: int) -> None:
        """Begin to answer."""
        registry = CollectorRegistry()
        for collector in (self._counts, *self._collectors):
            registry.register(collector)
        app = _route(make_wsgi_app(registry), _offered(self._served))
        kind = _Server6 if ":" in host else ThreadingWSGIServer
        self._server = make_server(host, port, app, kind, handler_class=_Silent)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """End, and give the port back."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def leave_to_parent(self, *_worker: Any) -> None:
        """Close, in a worker, the socket that it inherited."""
        if self._server is not None:
            self._server.socket.close()

    def forget(self, process_id: int) -> None:
        """Drop what only a living worker may say; its counts stay."""
        self._counts.forget(process_id)


class _Server6(ThreadingWSGIServer):
    address_family = AF_INET6


class _Silent(WSGIRequestHandler):
    timeout = 30  # a peer that stops reading must not hold a thread

    def log_message(self, *_args: Any) -> None:
        """Say nothing of each scrape."""


def _offered(served: ServedBundle | None) -> Mapping[str, bytes | Path]:
    if served is None:
        return {}
    card = json.dumps({"name": served.name, "version": served.version}).encode()
    return {BUNDLE_PATH: card, **{f"{BUNDLE_PATH}/{name}": served.folder / name for name in BUNDLE_FILES}}


def _route(metrics: Callable[[Environ, Respond], Iterable[bytes]], offered: Mapping[str, bytes | Path]) -> Any:
    def app(environ: Environ, respond: Respond) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path in ("/", "/metrics"):
            return metrics(environ, respond)
        found = offered.get(path)
        if found is None or environ["REQUEST_METHOD"] != "GET":
            respond("404 Not Found", [("Content-Type", "text/plain")])
            return [b"not here\n"]
        content = found.read_bytes() if isinstance(found, Path) else found
        respond("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(content)))])
        return [content]

    return app
