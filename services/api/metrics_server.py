"""The metrics of all workers together, on a port of their own."""

from __future__ import annotations

from pathlib import Path
from socket import socket
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

__all__ = ["MetricsServer"]


class MetricsServer:
    """A thread in the parent of the workers: it sees the files of them all."""

    def __init__(self, folder: Path) -> None:
        """Serve what workers write to ``folder``."""
        self._folder = folder
        self._socket: socket | None = None

    def start(self, host: str, port: int) -> None:
        """Begin to answer."""
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(self._folder))  # type: ignore[no-untyped-call]
        server, _thread = start_http_server(port, host, registry)
        self._socket = server.socket

    def leave_to_parent(self, *_worker: Any) -> None:
        """Close, in a worker, the socket that it inherited."""
        if self._socket is not None:
            self._socket.close()

    def forget(self, process_id: int) -> None:
        """Drop what only a living worker may say; its counts stay."""
        mark_process_dead(process_id, path=str(self._folder))  # type: ignore[no-untyped-call]
