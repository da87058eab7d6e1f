"""gunicorn, as the parent of the workers."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from starlette.types import ASGIApp

from services.api.arbiter import DrainingArbiter
from services.api.connections import ConnectionLimits
from services.api.draining import Drain
from services.api.errors import BundleRefused, StartupFailed
from services.api.internal_ports import InternalPorts
from services.api.logs import logging_config
from services.api.settings import Settings
from services.api.watch import Watch

__all__ = ["ApiServer"]

TLS_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secrecy and authenticated encryption alone; all of TLS 1.3 have both. Source: RFC 9325, 4.2."""

WORKER_CLASS = "services.api.worker.ApiWorker"
MEMORY = Path("/dev/shm")  # noqa: S108 (the heartbeat file must not be on a disk that can stall)

log = logging.getLogger("espalier.api.server")


class ApiServer(BaseApplication):  # type: ignore[misc]  # the library has no types
    """Serves what ``load_app`` makes, once in each worker."""

    def __init__(
        self, settings: Settings, load_app: Callable[[], ASGIApp], internal: InternalPorts, watch: Watch, drain: Drain
    ) -> None:
        """Keep what the hooks need; gunicorn calls ``load_config`` at once."""
        self._settings, self._load_app, self._drain = settings, load_app, drain
        self._internal, self._watch = internal, watch
        super().__init__()

    @property
    def connection_limits(self) -> ConnectionLimits:
        """What a worker allows its connections."""
        settings = self._settings
        return ConnectionLimits(
            head_bytes=settings.max_head_bytes,
            head_fields=settings.max_head_fields,
            head_seconds=settings.head_timeout_seconds,
            body_seconds=settings.body_timeout_seconds,
            connections=settings.max_connections,
            connections_per_client=settings.max_connections_per_client,
            trusted_proxies=settings.forwarded_allow_ips,
        )

    def run(self) -> None:
        """Serve until told to end."""
        DrainingArbiter(self, self._drain, self._settings.drain_seconds).run()

    def load_config(self) -> None:
        """Hand the settings to gunicorn."""
        for name, value in self._options().items():
            self.cfg.set(name, value)

    def load(self) -> ASGIApp:
        """Make the app, in a worker. Where that fails, no worker would fare better: the parent ends too."""
        try:
            return self._load_app()
        except StartupFailed as error:
            log.critical("the API does not start: %s", error)
            is_refused = isinstance(error, BundleRefused)
            sys.exit(Arbiter.APP_LOAD_ERROR if is_refused else Arbiter.WORKER_BOOT_ERROR)

    def _begin(self) -> None:
        self._internal.start(self._settings)
        self._watch.start()

    def _options(self) -> dict[str, Any]:
        settings = self._settings
        options: dict[str, Any] = {
            "bind": f"[{settings.host}]:{settings.port}"
            if ":" in settings.host
            else f"{settings.host}:{settings.port}",
            "workers": settings.workers,
            "worker_class": WORKER_CLASS,
            "graceful_timeout": settings.graceful_seconds,
            "keepalive": settings.keep_alive_seconds,
            "forwarded_allow_ips": settings.forwarded_allow_ips,
            "logconfig_dict": logging_config(settings.log_level),
            "proc_name": "espalier-api",
            "control_socket_disable": True,
            "when_ready": lambda _server: self._begin(),
            "post_fork": lambda _server, _worker: self._internal.leave_to_parent(),
            "child_exit": lambda _server, worker: self._internal.forget(worker.pid),
        }
        if MEMORY.is_dir():
            options["worker_tmp_dir"] = str(MEMORY)
        if settings.tls_cert_file and settings.tls_key_file:
            options |= {"certfile": str(settings.tls_cert_file), "keyfile": str(settings.tls_key_file)}
            options["ciphers"] = TLS_CIPHERS
        return options
