"""Which cluster trains? Connect to its scheduler."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipelines.config.settings import Settings
from pipelines.errors import InvalidParams, Unreachable

if TYPE_CHECKING:
    from distributed import Client, Security

__all__ = ["check_settings", "connected"]

FILES = ("dask_ca_file", "dask_cert_file", "dask_key_file")
CLOSE_SECONDS = 5


def check_settings(settings: Settings) -> None:
    """Check what ``train.engine: dask`` needs, before anything is done.

    Raises:
        InvalidParams: an address or a file is missing, or the package distributed is; the message says what to do.
    """
    if not settings.dask_address:
        raise InvalidParams(
            "train.engine is dask (params.yaml), but PIPELINE_DASK_ADDRESS is not set: set it to the address of a "
            "scheduler, such as tcp://127.0.0.1:8786 (docs/scale.md shows how to start one), or set train.engine to "
            "local"
        )
    for name in FILES:
        path = getattr(settings, name)
        if path is not None and not path.is_file():
            raise InvalidParams(f"PIPELINE_{name.upper()}: {path} does not exist")
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise InvalidParams(
            "train.engine is dask (params.yaml), but the package distributed is not installed: install "
            "espalier[dask,pipelines], or set train.engine to local"
        ) from error


@contextmanager
def connected(settings: Settings) -> Iterator[Client]:
    """Connect to the scheduler, for as long as the block lasts; whatever was handed to the cluster is then released.

    Raises:
        Unreachable: no scheduler answers within the time of the settings.
    """
    from distributed import Client

    # What the client logs of a lost connection has a traceback; what it means is in our own messages.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(
            settings.dask_address,
            security=_security(settings),
            timeout=settings.dask_wait_seconds,
            set_as_default=False,
            name="espalier-train",
        )
    except (OSError, ValueError) as error:  # a refused certificate is an OSError too
        raise Unreachable(_unreachable(settings, error)) from error
    try:
        with client.as_current():
            yield client
    finally:
        with suppress(OSError):
            client.close(timeout=CLOSE_SECONDS)


def _security(settings: Settings) -> Security | None:
    from distributed import Security

    if urlsplit(settings.dask_address).scheme != "tls":
        return None
    ca, certificate, key = (str(getattr(settings, name)) for name in FILES)
    files: dict[str, Any] = {"tls_ca_file": ca, "tls_client_cert": certificate, "tls_client_key": key}
    return Security(require_encryption=True, **files)


def _unreachable(settings: Settings, error: BaseException) -> str:
    cause = error.__cause__ or error
    text = " ".join(str(cause).split()) or type(cause).__name__
    certificates = (
        " and accepts the certificate of PIPELINE_DASK_CERT_FILE" if settings.dask_address.startswith("tls") else ""
    )
    return (
        f"no Dask scheduler answers at {settings.dask_address} (PIPELINE_DASK_ADDRESS) within "
        f"{settings.dask_wait_seconds:g} s: {text}. Check that it runs{certificates}, or set train.engine to local"
    )
