"""Serve one model: fetch its bundle, or wait for a first one, and run gunicorn."""

from __future__ import annotations

import logging
import logging.config
import os
from typing import TYPE_CHECKING

from services.api.errors import NoModelYet, RegistryUnreachable
from services.api.logs import logging_config
from services.api.preflight import check_certificate, check_ports

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from services.api.keys import Keys
    from services.api.model.requested import RequestedModel
    from services.api.model.source import ServedBundle
    from services.api.settings import Settings

__all__ = ["serve_model"]

log = logging.getLogger("espalier.api")


def serve_model(settings: Settings) -> bool:
    """Serve until SIGTERM. Return True if a first model has arrived, which a restarted process must serve.

    Raises:
        StartupFailed: the text says what to do.
    """
    from services.api.database.migration import migrate_or_later
    from services.api.keys import load_keys

    check_ports(settings)
    check_certificate(settings)
    logging.config.dictConfig(logging_config(settings.log_level))
    keys = load_keys(settings)
    migration = migrate_or_later(settings.database_url, settings.database_wait_seconds)
    parent = os.getpid()
    try:
        return _fetch_and_run(settings, keys)
    finally:
        if os.getpid() == parent and migration is not None:  # forked workers pass here too
            migration.terminate()
            migration.wait()


def _fetch_and_run(settings: Settings, keys: Keys) -> bool:
    from services.api.model.source import fetch_bundle
    from services.api.startup import bundle_sources, requested_model

    requested, sources = requested_model(settings, keys), bundle_sources(settings)
    try:
        served = fetch_bundle(requested, sources)
    except (NoModelYet, RegistryUnreachable) as error:
        return _wait(settings, error, lambda: fetch_bundle(requested, sources))
    log.info("serving", extra={"model": served.name, "model_version": served.version, "source": served.source})
    _run(settings, keys, requested, served)
    return False


def _wait(settings: Settings, error: NoModelYet | RegistryUnreachable, look: Callable[[], object]) -> bool:
    """Wait for a first model; raise the error if the settings say not to wait."""
    from services.api.process.wait_for_model import wait_for_model
    from services.api.startup import dependency_monitor, internal_address, listen_address

    may_wait = settings.wait_for_model if isinstance(error, NoModelYet) else settings.wait_for_registry
    if not may_wait:
        raise error
    return wait_for_model(
        error,
        look,
        listen=listen_address(settings),
        internal=internal_address(settings),
        monitor=dependency_monitor(settings, None),
    )


def _run(settings: Settings, keys: Keys, requested: RequestedModel, served: ServedBundle) -> None:
    """Create the application once, and fork the workers, which share its memory."""
    import gc

    from prometheus_client import CollectorRegistry

    from services.api.app import create_app
    from services.api.database.engine import open_engine
    from services.api.draining import Drain
    from services.api.internal.bundle_server import BundleServer
    from services.api.internal.metrics_server import MetricsServer
    from services.api.internal.ports import InternalPorts
    from services.api.model.child import examine_in_child
    from services.api.model.loaded import load_model
    from services.api.process.server import ApiServer
    from services.api.startup import dependency_monitor, internal_address, server_options

    drain, registry = Drain(), CollectorRegistry()
    model = load_model(served, requested, examine=examine_in_child)
    app = create_app(settings, keys, model, open_engine(settings.database_url), registry, drain)
    shared = app.state.services.metrics.shared

    def load_app() -> FastAPI:
        if settings.otlp_endpoint:
            from services.api.http.tracing import trace_requests  # imported only if traces are sent

            app.state.fast_path = None  # it makes no spans
            # In the worker: the thread that sends does not survive a fork.
            trace_requests(app, model, endpoint=settings.otlp_endpoint, sample_ratio=settings.trace_sample_ratio)
        return app

    monitor = dependency_monitor(settings, served.version)
    registry.register(monitor)
    internal = InternalPorts(MetricsServer(registry), BundleServer(served), internal_address(settings))
    gc.collect()
    gc.freeze()  # a collection in a worker would write to every shared page
    ApiServer(server_options(settings), load_app, internal, monitor, drain, shared).run()
