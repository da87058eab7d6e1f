"""Convert the settings into the parameters of each part of the API. No module below imports the settings."""

from __future__ import annotations

from services.api.internal.ports import InternalAddress
from services.api.keys import Keys
from services.api.metrics.dependencies import DependencyMonitor, Schedule
from services.api.model.mlflow_registry import RegistryAddress
from services.api.model.peers import PeerAddress
from services.api.model.requested import RequestedModel
from services.api.model.source import BundleSources
from services.api.process.connections import ConnectionLimits
from services.api.process.listen import ListenAddress
from services.api.process.server import ServerOptions
from services.api.settings import Settings

__all__ = [
    "bundle_sources",
    "dependency_monitor",
    "internal_address",
    "listen_address",
    "requested_model",
    "server_options",
]


def requested_model(settings: Settings, keys: Keys) -> RequestedModel:
    """Return which model to serve, and whose signature it must have."""
    return RequestedModel(
        name=settings.model_name,
        alias=settings.model_alias,
        version=settings.model_version,
        trusted_keys=keys.bundle_trusted,
        max_bytes=settings.model_max_bytes,
    )


def bundle_sources(settings: Settings) -> BundleSources:
    """Return where the bundle comes from."""
    return BundleSources(
        registry=_registry(settings),
        cache_dir=settings.model_cache_dir,
        peers=PeerAddress(settings.peer_host, settings.peer_port),
    )


def dependency_monitor(settings: Settings, version: str | None) -> DependencyMonitor:
    """Return the monitor of the registry and the database; ``version`` is the served one, or None."""
    schedule = Schedule(
        settings.dependency_check_interval_seconds,
        settings.dependency_check_jitter_seconds,
        settings.dependency_check_timeout_seconds,
    )
    return DependencyMonitor(
        _registry(settings), settings.database_url, schedule, model=settings.model_name, version=version
    )


def listen_address(settings: Settings) -> ListenAddress:
    """Return where the API listens."""
    return ListenAddress(settings.host, settings.port, settings.tls_cert_file, settings.tls_key_file)


def internal_address(settings: Settings) -> InternalAddress:
    """Return the address of the internal ports, which are never published."""
    return InternalAddress(settings.metrics_host, settings.metrics_port, settings.peer_port)


def server_options(settings: Settings) -> ServerOptions:
    """Return the options of gunicorn and its workers."""
    return ServerOptions(
        listen=listen_address(settings),
        workers=settings.workers,
        connections=ConnectionLimits(
            head_bytes=settings.max_head_bytes,
            head_fields=settings.max_head_fields,
            head_seconds=settings.head_timeout_seconds,
            body_seconds=settings.body_timeout_seconds,
            connections=settings.max_connections,
            connections_per_client=settings.max_connections_per_client,
            trusted_proxies=settings.forwarded_allow_ips,
        ),
        keep_alive_seconds=settings.keep_alive_seconds,
        drain_seconds=settings.drain_seconds,
        graceful_seconds=settings.graceful_seconds,
        log_level=settings.log_level,
    )


def _registry(settings: Settings) -> RegistryAddress:
    return RegistryAddress(settings.mlflow_tracking_uri, settings.registry_retries, settings.registry_timeout_seconds)
