"""A process without a model: alive, not ready, and polling the registry for a first version.

On a new cluster the API starts before a model exists. That is no error, so the process does not exit. It reports what
it waits for, and polls the registry until a version has passed the gate. The caller then restarts the process, so that
no thread and no open file of the wait is left in the process that serves.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.api.errors import NoModelYet, RegistryUnreachable, StartupFailed
from services.api.http.problems import problem_response
from services.api.internal.metrics_server import MetricsServer
from services.api.internal.ports import InternalAddress
from services.api.metrics.dependencies import DependencyMonitor
from services.api.process.listen import ListenAddress

__all__ = ["Wait", "poll_until_found", "wait_for_model", "waiting_app"]

POLL_SECONDS = 5.0
"""Between two polls of the registry. Up to half of it is added at random, so that pods do not poll at the same time."""

MAX_CONNECTIONS = 100
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

log = logging.getLogger("espalier.api.waiting")


class Wait(Collector):
    """The reason why there is no model, for probes, clients and metrics."""

    def __init__(self, error: StartupFailed) -> None:
        """Store the error of the start."""
        self.error = error

    @property
    def reason(self) -> str:
        """The reason, without internal names."""
        if isinstance(self.error, NoModelYet):
            return "no model has passed the gate yet"
        return "the model registry does not answer"

    def collect(self) -> Iterator[Metric]:
        """Yield the gauge, which exists only while there is no model."""
        waiting = GaugeMetricFamily("espalier_waiting_for_model", "Whether this pod waits for a first model.")
        waiting.add_metric([], 1)
        yield waiting


def wait_for_model(
    error: StartupFailed,
    look: Callable[[], object],
    *,
    listen: ListenAddress,
    internal: InternalAddress,
    monitor: DependencyMonitor,
) -> bool:
    """Serve the API's ports until a model exists (return True) or until SIGTERM (return False).

    Args:
        error: why there is no model.
        look: fetch the model; raises NoModelYet or RegistryUnreachable if there still is none.

    Raises:
        StartupFailed: waiting cannot help, for instance because the bundle is refused.
    """
    log.warning("waiting for a model", extra={"reason": str(error)})
    wait = Wait(error)
    registry = CollectorRegistry()
    for collector in (monitor, wait):
        registry.register(collector)
    metrics = MetricsServer(registry)
    metrics.start(internal.host, internal.metrics_port)
    monitor.start()
    try:
        return asyncio.run(_serve_until_found(listen, wait, look))
    finally:
        monitor.stop()
        metrics.stop()


def waiting_app(wait: Wait) -> Starlette:
    """Return the application of the wait: alive, not ready, and 503 for every other request."""

    async def alive(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(_request: Request) -> Response:
        return JSONResponse({"status": "waiting", "reason": wait.reason}, 503)

    async def live(_request: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready_for_inference(_request: Request) -> Response:
        return JSONResponse({"live": True, "ready": False}, 503)

    async def refuse(_request: Request) -> Response:
        request_id = uuid.uuid4().hex
        detail = f"No predictions yet: {wait.reason}. Retry later."
        after = int(POLL_SECONDS)
        answer = problem_response(request_id, 503, code="no_model", detail=detail, retry_after_seconds=after)
        answer.headers["X-Request-ID"] = request_id
        return answer

    probes = [
        Route("/healthz", alive),
        Route("/readyz", ready),
        Route("/v2/health/live", live),
        Route("/v2/health/ready", ready_for_inference),
    ]
    return Starlette(routes=[*probes, Route("/{path:path}", refuse, methods=METHODS)])


async def _serve_until_found(listen: ListenAddress, wait: Wait, look: Callable[[], object]) -> bool:
    server, ended = _Server(_config(listen, wait)), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    serving = asyncio.create_task(server.serve())
    looking, ending = asyncio.create_task(poll_until_found(wait, look)), asyncio.create_task(ended.wait())
    await asyncio.wait({looking, ending, serving}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    if ended.is_set():
        log.info("stopped by a signal")
        looking.cancel()
        return False
    ending.cancel()
    await looking
    return True


async def poll_until_found(wait: Wait, look: Callable[[], object]) -> None:
    """Call ``look`` until it raises no NoModelYet or RegistryUnreachable."""
    while True:
        await asyncio.sleep(POLL_SECONDS + random.uniform(0, POLL_SECONDS / 2))  # noqa: S311 (no secret)
        try:
            await asyncio.to_thread(look)
        except (NoModelYet, RegistryUnreachable) as error:
            if type(error) is not type(wait.error):
                log.info("waiting for a model", extra={"reason": str(error)})
            wait.error = error
        else:
            return


class _Server(uvicorn.Server):
    """A server whose process handles the signals itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handlers."""
        yield


def _config(listen: ListenAddress, wait: Wait) -> uvicorn.Config:
    certificate, key = listen.cert_file, listen.key_file
    return uvicorn.Config(
        waiting_app(wait),
        host=listen.host,
        port=listen.port,
        http="h11",  # which limits the size of the headers; speed does not matter here
        lifespan="off",
        log_config=None,
        access_log=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=1,
        timeout_graceful_shutdown=1,
        ssl_certfile=str(certificate) if certificate else None,
        ssl_keyfile=str(key) if key else None,
    )
