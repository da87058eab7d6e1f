"""gunicorn's parent process: it drains after SIGTERM and exits with documented codes."""

from __future__ import annotations

import logging
import time
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.errors import HaltServer

from services.api.draining import Drain
from services.api.errors import BundleRefused, StartupFailed

__all__ = ["DrainingArbiter"]

EXIT_CODES = {
    Arbiter.WORKER_BOOT_ERROR: StartupFailed.exit_code,
    Arbiter.APP_LOAD_ERROR: BundleRefused.exit_code,
}
"""Exit code of a worker → exit code of the parent. Workers keep gunicorn's own codes, which uvicorn's worker uses."""

log = logging.getLogger("espalier.api.server")


class DrainingArbiter(Arbiter):  # type: ignore[misc]  # the library has no types
    """On SIGTERM: report not ready, close connections after their response, serve requests for a while, then stop.

    Load balancers are notified of a pod's termination later than the pod, and may send a request on an idle connection
    at the moment it is closed. A second SIGTERM, or SIGINT, stops at once.

    A worker that cannot start exits with one of gunicorn's codes, and the parent with one of this API's codes.
    """

    def __init__(self, app: BaseApplication, drain: Drain, seconds: float) -> None:
        """Set up gunicorn's arbiter."""
        super().__init__(app)
        self._drain, self._seconds = drain, seconds
        self._end, self._is_stopping = float("inf"), False

    def handle_term(self) -> None:
        """Start to drain."""
        if self._drain.is_draining or not self._seconds:
            super().handle_term()
        self._drain.start()
        self._end = time.monotonic() + self._seconds
        log.info("draining", extra={"seconds": self._seconds})

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        """Stop, with the code of the first worker that could not start."""
        self._is_stopping = True
        super().halt(reason, EXIT_CODES.get(exit_status, exit_status))

    def reap_workers(self) -> None:
        """Handle workers that have exited."""
        try:
            super().reap_workers()
        except HaltServer:
            if not self._is_stopping:  # a second failed worker must not interrupt the shutdown
                raise

    def wait_for_signals(self, timeout: float = 1.0) -> Any:
        """Wait no longer than the drain lasts."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise StopIteration
        return super().wait_for_signals(min(timeout, left))
