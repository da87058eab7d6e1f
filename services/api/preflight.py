"""What a start checks on its own machine: ports and the certificate."""

from __future__ import annotations

import socket
import ssl

from services.api.errors import StartupFailed
from services.api.settings import Settings

__all__ = ["check_certificate", "check_ports"]


def check_ports(settings: Settings) -> None:
    """Bind each port once.

    Raises:
        StartupFailed: a port cannot be used.
    """
    _check_port(settings.host, settings.port)
    for port in filter(None, (settings.metrics_port, settings.peer_port)):
        _check_port(settings.metrics_host, port)


def check_certificate(settings: Settings) -> None:
    """Load the certificate and its key, if the API terminates TLS itself.

    Raises:
        StartupFailed: they are missing or do not match.
    """
    if settings.tls_cert_file is None or settings.tls_key_file is None:
        return
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings.tls_cert_file, settings.tls_key_file)
    except OSError as error:  # ssl.SSLError is an OSError
        pair = f"{settings.tls_cert_file} and {settings.tls_key_file}"
        raise StartupFailed(
            f"cannot serve HTTPS with {pair} (API_TLS_CERT_FILE, API_TLS_KEY_FILE): {error.strerror or error}"
        ) from error


def _check_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartupFailed(
                f"port {port} on {host} cannot be used ({error.strerror}); stop the process that listens there, or set "
                "another port with API_HOST and API_PORT, or API_METRICS_HOST, API_METRICS_PORT and API_PEER_PORT"
            ) from error
