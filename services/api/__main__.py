"""Start the API: ``python -m services.api``. ``python -m services.api migrate`` only brings the database up to date;
with ``--tolerate-absence`` one that is unavailable is no failure, with ``--until-done`` it is waited for.

Everything that can be wrong is found here, before a port is open: settings, keys, database, registry, bundle. One line
says what to do, and the exit code is 2; 3 where the bundle is refused, which is nothing to try again.
"""

from __future__ import annotations

import logging
import logging.config
import os
import shutil
import socket
import ssl
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from services.api.errors import DatabaseUnavailable, NoModelYet, RegistryUnreachable, StartupFailed
from services.api.logs import logging_config
from services.api.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from services.api.keys import Keys
    from services.api.model.source import ServedBundle
    from services.api.model.wanted import WantedModel

__all__ = ["main"]

log = logging.getLogger("espalier.api")


def main() -> None:
    """Serve until told to end."""
    try:
        settings = load_settings()
        if sys.argv[1:2] == ["migrate"]:
            _migrate(settings, sys.argv[2:])
            return
        _check_port(settings.host, settings.port)
        for port in filter(None, (settings.metrics_port, settings.peer_port)):
            _check_port(settings.metrics_host, port)
        _check_certificate(settings)
        is_to_begin_anew = _serve(settings)
    except StartupFailed as error:
        sys.stderr.write(f"the API does not start: {error}\n")
        sys.exit(error.exit_code)
    if is_to_begin_anew:  # no thread, file or metric of the wait for a model is left in what serves
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 (this very program)


def _migrate(settings: Settings, options: list[str]) -> None:
    from services.api.database.migration import migrate_until_done, migrate_within

    if "--until-done" in options:
        migrate_until_done(settings.database_url)
        return
    try:
        migrate_within(settings.database_url, settings.database_wait_seconds)
    except DatabaseUnavailable as error:
        if "--tolerate-absence" not in options:
            raise
        sys.stderr.write(f"not migrated yet: {error}\n")


def _serve(settings: Settings) -> bool:
    """Serve until told to end, and tell whether a first model has come that is to be served by a process begun anew."""
    from services.api.database.migration import migrate_or_later
    from services.api.keys import load_keys

    logging.config.dictConfig(logging_config(settings.log_level))
    keys = load_keys(settings)
    migration = migrate_or_later(settings.database_url, settings.database_wait_seconds)
    folder, parent = _metrics_folder(settings), os.getpid()
    # prometheus_client decides when it is first imported whether counters are shared: nothing above imports it.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    try:
        return _fetch_and_run(settings, keys, folder)
    finally:
        if os.getpid() == parent:  # workers come by here too
            if migration is not None:
                migration.terminate()
                migration.wait()
            if settings.metrics_dir is None:
                shutil.rmtree(folder, ignore_errors=True)


def _fetch_and_run(settings: Settings, keys: Keys, folder: Path) -> bool:
    from services.api.model.source import fetch_bundle
    from services.api.startup import bundle_sources, wanted_model

    wanted, sources = wanted_model(settings, keys), bundle_sources(settings)
    try:
        served = fetch_bundle(wanted, sources)
    except (NoModelYet, RegistryUnreachable) as error:
        return _wait(settings, error, lambda: fetch_bundle(wanted, sources))
    log.info("serving", extra={"model": served.name, "model_version": served.version, "source": served.source})
    _run(settings, keys, wanted, served, folder)
    return False


def _wait(settings: Settings, error: NoModelYet | RegistryUnreachable, look: Callable[[], object]) -> bool:
    """Wait for a first model; fail where the settings want no waiting."""
    from services.api.process.wait_for_model import wait_for_model
    from services.api.startup import dependency_monitor, internal_address, listen_address

    is_wanted = settings.wait_for_model if isinstance(error, NoModelYet) else settings.wait_for_registry
    if not is_wanted:
        raise error
    return wait_for_model(
        error,
        look,
        listen=listen_address(settings),
        internal=internal_address(settings),
        monitor=dependency_monitor(settings, None),
    )


def _run(settings: Settings, keys: Keys, wanted: WantedModel, served: ServedBundle, folder: Path) -> None:
    from services.api.draining import Drain
    from services.api.internal.bundle_server import BundleServer
    from services.api.internal.metrics_server import MetricsServer
    from services.api.internal.ports import InternalPorts
    from services.api.process.server import ApiServer
    from services.api.startup import dependency_monitor, internal_address, server_options

    drain = Drain()

    def load_app() -> ASGIApp:
        from prometheus_client import CollectorRegistry

        from services.api.app import create_app
        from services.api.database.engine import open_engine
        from services.api.model.loaded import load_model

        model = load_model(served, wanted)
        app = create_app(settings, keys, model, open_engine(settings.database_url), CollectorRegistry(), drain)
        if settings.otlp_endpoint:
            from services.api.http.tracing import trace_requests  # what sends traces is not even loaded without

            trace_requests(app, model, endpoint=settings.otlp_endpoint, sample_ratio=settings.trace_sample_ratio)
        return app

    monitor = dependency_monitor(settings, served.version)
    internal = InternalPorts(MetricsServer(folder, monitor), BundleServer(served), internal_address(settings))
    ApiServer(server_options(settings), load_app, internal, monitor, drain).run()


def _metrics_folder(settings: Settings) -> Path:
    folder = settings.metrics_dir
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="espalier-metrics-"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for counts in folder.glob("*.db"):  # of a process that is gone: they would be added to ours
            counts.unlink()
    except OSError as error:
        raise StartupFailed(f"metrics cannot be kept in {folder} (API_METRICS_DIR): {error.strerror}") from error
    return folder


def _check_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartupFailed(
                f"port {port} on {host} cannot be used ({error.strerror}); end what listens there, or set another with "
                "API_HOST and API_PORT, or API_METRICS_HOST, API_METRICS_PORT and API_PEER_PORT"
            ) from error


def _check_certificate(settings: Settings) -> None:
    if settings.tls_cert_file is None or settings.tls_key_file is None:
        return
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings.tls_cert_file, settings.tls_key_file)
    except OSError as error:  # ssl's own errors are of this kind too
        pair = f"{settings.tls_cert_file} and {settings.tls_key_file}"
        raise StartupFailed(f"HTTPS cannot be spoken with {pair}: {error.strerror or error}") from error


if __name__ == "__main__":
    main()
