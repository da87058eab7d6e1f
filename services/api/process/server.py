"""gunicorn, the parent process of the workers."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from starlette.types import ASGIApp

from services.api.draining import Drain
from services.api.errors import BundleRefused, StartupFailed
from services.api.internal.ports import InternalPorts
from services.api.logs import logging_config
from services.api.metrics.dependencies import DependencyMonitor
from services.api.metrics.shared import SharedMetrics
from services.api.process.arbiter import DrainingArbiter
from services.api.process.connections import ConnectionLimits
from services.api.process.listen import ListenAddress

__all__ = ["ApiServer", "ServerOptions"]

TLS_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: only suites with forward secrecy and authenticated encryption, as all of TLS 1.3 have. Source: RFC 9325,
section 4.2."""

WORKER_CLASS = "services.api.process.worker.ApiWorker"
MEMORY = Path("/dev/shm")  # noqa: S108 (the heartbeat file must not be on a disk that can stall)

log = logging.getLogger("espalier.api.server")


@dataclass(frozen=True)
class ServerOptions:
    """Options of gunicorn and its workers."""

    listen: ListenAddress
    workers: int
    connections: ConnectionLimits
    keep_alive_seconds: int
    drain_seconds: float
    """How long new requests are still served after SIGTERM."""

    graceful_seconds: int
    """How long a request may still take after that."""

    log_level: str


class ApiServer(BaseApplication):  # type: ignore[misc]  # the library has no types
    """Serves the application that ``load_app`` completes in each worker."""

    def __init__(
        self,
        options: ServerOptions,
        load_app: Callable[[], ASGIApp],
        internal: InternalPorts,
        monitor: DependencyMonitor,
        drain: Drain,
        shared: SharedMetrics,
    ) -> None:
        """Store what the hooks need; gunicorn calls ``load_config`` immediately."""
        self.options, self._load_app, self._drain = options, load_app, drain
        self._internal, self._monitor, self._shared = internal, monitor, shared
        self._slots: dict[int, int] = {}
        """A worker's age, by which gunicorn tells workers apart → its slot of the metrics."""
        super().__init__()

    def run(self) -> None:
        """Serve until SIGTERM."""
        DrainingArbiter(self, self._drain, self.options.drain_seconds).run()

    def load_config(self) -> None:
        """Pass the options to gunicorn."""
        for name, value in self._options().items():
            self.cfg.set(name, value)

    def load(self) -> ASGIApp:
        """Complete the application, in a worker. On failure the parent stops too, because every worker would fail."""
        try:
            return self._load_app()
        except StartupFailed as error:
            log.critical("the API does not start: %s", error)
            is_refused = isinstance(error, BundleRefused)
            sys.exit(Arbiter.APP_LOAD_ERROR if is_refused else Arbiter.WORKER_BOOT_ERROR)

    def _begin(self) -> None:
        self._internal.start()
        self._monitor.start()

    def _before_fork(self, worker: Any) -> None:
        self._slots[worker.age] = self._shared.take_slot()

    def _after_fork(self, worker: Any) -> None:
        self._internal.leave_to_parent()
        self._shared.use_slot(self._slots[worker.age])

    def _after_exit(self, worker: Any) -> None:
        self._shared.release_slot(self._slots.pop(worker.age))

    def _options(self) -> dict[str, Any]:
        own, listen = self.options, self.options.listen
        options: dict[str, Any] = {
            "bind": listen.bind,
            "workers": own.workers,
            "worker_class": WORKER_CLASS,
            "graceful_timeout": own.graceful_seconds,
            "keepalive": own.keep_alive_seconds,
            "forwarded_allow_ips": own.connections.trusted_proxies,
            "logconfig_dict": logging_config(own.log_level),
            "proc_name": "espalier-api",
            "control_socket_disable": True,
            "when_ready": lambda _server: self._begin(),
            "pre_fork": lambda _server, worker: self._before_fork(worker),
            "post_fork": lambda _server, worker: self._after_fork(worker),
            "child_exit": lambda _server, worker: self._after_exit(worker),
        }
        if MEMORY.is_dir():
            options["worker_tmp_dir"] = str(MEMORY)
        if listen.cert_file and listen.key_file:
            options |= {"certfile": str(listen.cert_file), "keyfile": str(listen.key_file)}
            options["ciphers"] = TLS_CIPHERS
        return options
