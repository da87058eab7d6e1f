"""The bundle that another pod of the API serves, for a pod that starts while the registry is away.

Each pod hands on its verified bundle at a port for other pods (bundle_server.py). Nothing from there is trusted: the
caller verifies it.
"""

from __future__ import annotations

import json
import logging
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx

from espalier.bundle import BUNDLE_FILES, BundleError, check_version
from services.api.downloads import download, read_small
from services.api.settings import Settings

__all__ = ["BUNDLE_PATH", "offers"]

BUNDLE_PATH = "/bundle"
CONNECT_SECONDS = 2.0
READ_SECONDS = 10.0
MAX_CARD_BYTES = 1000

log = logging.getLogger("espalier.api.peers")


def offers(settings: Settings, folder: Path) -> Iterator[str]:
    """Fill ``folder`` from one peer after another, and yield the version that each serves.

    Only peers that serve the wanted model, and the wanted version where one is named, are asked for files.
    """
    for address in _addresses(settings):
        host = f"[{address}]" if ":" in address else address
        with httpx.Client(base_url=f"http://{host}:{settings.peer_port}", timeout=_timeout()) as client:
            try:
                version = _served(client, settings)
                if version is None:
                    continue
                for name in BUNDLE_FILES:
                    url = f"{BUNDLE_PATH}/{name}"
                    download(client, url, folder / name, max_bytes=settings.model_max_bytes)
            except (httpx.HTTPError, ValueError, KeyError, TypeError, BundleError) as error:
                log.warning("a peer gave no bundle", extra={"peer": address, "error": str(error)[:200]})
                continue
        yield version


def _timeout() -> httpx.Timeout:
    return httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)


def _addresses(settings: Settings) -> list[str]:
    if not settings.peer_host:
        return []
    try:
        found = socket.getaddrinfo(settings.peer_host, settings.peer_port, type=socket.SOCK_STREAM)
    except OSError as error:  # no pod is ready, so the name has no address
        log.warning("no peer is known", extra={"host": settings.peer_host, "error": str(error)})
        return []
    addresses = sorted({str(entry[4][0]) for entry in found})
    random.shuffle(addresses)
    return addresses


def _served(client: httpx.Client, settings: Settings) -> str | None:
    card = json.loads(read_small(client, BUNDLE_PATH, max_bytes=MAX_CARD_BYTES))
    version = check_version(card["version"])
    if card["name"] != settings.model_name:
        return None
    return version if settings.model_version in ("", version) else None
