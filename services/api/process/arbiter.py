"""gunicorn's parent process, which serves on for a while after SIGTERM, with exit codes that are documented."""

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
"""A worker's code to its parent's; uvicorn's worker knows gunicorn's numbers, so they are not changed."""

log = logging.getLogger("espalier.api.server")


class DrainingArbiter(Arbiter):  # type: ignore[misc]  # the library has no types
    """On SIGTERM: not ready any more, connections are not kept, and requests are served on for a while; then the end.

    Load balancers learn of a pod's end later than the pod, and a connection that they have kept may carry a request in
    the moment that it is closed. A second SIGTERM, or SIGINT, ends at once.

    A worker that cannot start ends with one of gunicorn's codes, and its parent then with one of this API's.
    """

    def __init__(self, app: BaseApplication, drain: Drain, seconds: float) -> None:
        """Wrap gunicorn's own."""
        super().__init__(app)
        self._drain, self._seconds = drain, seconds
        self._end, self._is_ending = float("inf"), False

    def handle_term(self) -> None:
        """Begin to drain."""
        if self._drain.begun or not self._seconds:
            super().handle_term()
        self._drain.begin()
        self._end = time.monotonic() + self._seconds
        log.info("draining", extra={"seconds": self._seconds})

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        """End, with the code of the first worker that could not start."""
        self._is_ending = True
        super().halt(reason, EXIT_CODES.get(exit_status, exit_status))

    def reap_workers(self) -> None:
        """Take note of workers that have ended."""
        try:
            super().reap_workers()
        except HaltServer:
            if not self._is_ending:  # else it would end the end: a second worker fails like the first
                raise

    def wait_for_signals(self, timeout: float = 1.0) -> Any:
        """Wait no longer than the drain lasts."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise StopIteration
        return super().wait_for_signals(min(timeout, left))
