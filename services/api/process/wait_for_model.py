"""A process without a model: alive, not ready, and looking for its first one.

On a new cluster the API is there before a model is. It does not end for that, since nothing is wrong with it: it says
what it waits for, and asks the registry again until a version has passed the gate. Who calls this then begins anew, so
that nothing of the wait, no thread and no open file, is left in the process that serves.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
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

__all__ = ["Wait", "wait_for_model", "waiting_app"]

ASK_SECONDS = 5.0
"""Between two questions to the registry; up to half as much is added by chance, so that pods do not ask at once."""

MAX_CONNECTIONS = 100
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

log = logging.getLogger("espalier.api.waiting")


class Wait(Collector):
    """Why there is no model, for probes, clients and metrics."""

    def __init__(self, error: StartupFailed) -> None:
        """Begin with the reason that the start failed for."""
        self.error = error

    @property
    def reason(self) -> str:
        """What anybody may know."""
        if isinstance(self.error, NoModelYet):
            return "no model has passed the gate yet"
        return "the model registry does not answer"

    def collect(self) -> Iterator[Metric]:
        """Say it to Prometheus; the series is there only while there is no model."""
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
    """Answer at the API's ports until there is a model (True), or until told to end (False).

    Args:
        error: why there is none.
        look: look for it again; raises NoModelYet or RegistryUnreachable where there still is none.

    Raises:
        StartupFailed: something is wrong that waiting does not help with, such as a refused bundle.
    """
    log.warning("waiting for a model", extra={"reason": str(error)})
    wait = Wait(error)
    with tempfile.TemporaryDirectory() as folder:
        metrics = MetricsServer(Path(folder), monitor, wait)
        metrics.start(internal.host, internal.metrics_port)
        monitor.start()
        try:
            return asyncio.run(_serve_until_found(listen, wait, look))
        finally:
            monitor.stop()
            metrics.stop()


def waiting_app(wait: Wait) -> Starlette:
    """Return what answers meanwhile: alive, not ready, and 503 to every other request."""

    async def alive(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(_request: Request) -> Response:
        return JSONResponse({"status": "waiting", "reason": wait.reason}, 503)

    async def refuse(_request: Request) -> Response:
        request_id = uuid.uuid4().hex
        detail = f"Nothing can be predicted: {wait.reason}. Come again later."
        after = int(ASK_SECONDS)
        answer = problem_response(request_id, 503, code="no_model", detail=detail, retry_after_seconds=after)
        answer.headers["X-Request-ID"] = request_id
        return answer

    probes = [Route("/healthz", alive), Route("/readyz", ready)]
    return Starlette(routes=[*probes, Route("/{path:path}", refuse, methods=METHODS)])


async def _serve_until_found(listen: ListenAddress, wait: Wait, look: Callable[[], object]) -> bool:
    server, ended = _Server(_config(listen, wait)), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    serving = asyncio.create_task(server.serve())
    looking, ending = asyncio.create_task(_look_until_found(wait, look)), asyncio.create_task(ended.wait())
    await asyncio.wait({looking, ending, serving}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    if ended.is_set():
        log.info("told to end")
        looking.cancel()
        return False
    ending.cancel()
    await looking
    return True


async def _look_until_found(wait: Wait, look: Callable[[], object]) -> None:
    while True:
        await asyncio.sleep(ASK_SECONDS + random.uniform(0, ASK_SECONDS / 2))  # noqa: S311 (no secret)
        try:
            await asyncio.to_thread(look)
        except (NoModelYet, RegistryUnreachable) as error:
            if type(error) is not type(wait.error):
                log.info("waiting for a model", extra={"reason": str(error)})
            wait.error = error
        else:
            return


class _Server(uvicorn.Server):
    """Whose process has its own way to end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def _config(listen: ListenAddress, wait: Wait) -> uvicorn.Config:
    certificate, key = listen.cert_file, listen.key_file
    return uvicorn.Config(
        waiting_app(wait),
        host=listen.host,
        port=listen.port,
        http="h11",  # which bounds the head of a request; no speed is needed
        lifespan="off",
        log_config=None,
        access_log=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=1,
        timeout_graceful_shutdown=1,
        ssl_certfile=str(certificate) if certificate else None,
        ssl_keyfile=str(key) if key else None,
    )
