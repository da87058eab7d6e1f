"""The bundle that another pod of the API serves, for a pod that starts while the registry is unavailable.

Each pod serves its verified bundle at a port for other pods (internal/bundle_server.py). Nothing from there is trusted:
the caller verifies it.
"""

from __future__ import annotations

import json
import logging
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from bundle import BUNDLE_FILES, BundleError, check_version
from services.api.model.downloads import download, read_small
from services.api.model.wanted import WantedModel

__all__ = ["BUNDLE_PATH", "PeerAddress", "offers"]

BUNDLE_PATH = "/bundle"
CONNECT_SECONDS = 2.0
READ_SECONDS = 10.0
MAX_CARD_BYTES = 1000

log = logging.getLogger("espalier.api.peers")


@dataclass(frozen=True)
class PeerAddress:
    """Where the other pods of the API give their bundle."""

    host: str
    """Name whose addresses are theirs; empty: there are none."""

    port: int


def offers(peers: PeerAddress, wanted: WantedModel, folder: Path) -> Iterator[str]:
    """Fill ``folder`` from one peer after another, and yield the version that each serves.

    Only peers that serve the wanted model, and the wanted version where one is named, are asked for files.
    """
    for address in _addresses(peers):
        host = f"[{address}]" if ":" in address else address
        with httpx.Client(base_url=f"http://{host}:{peers.port}", timeout=_timeout()) as client:
            try:
                version = _served(client, wanted)
                if version is None:
                    continue
                for name in BUNDLE_FILES:
                    url = f"{BUNDLE_PATH}/{name}"
                    download(client, url, folder / name, max_bytes=wanted.max_bytes)
            except (httpx.HTTPError, ValueError, KeyError, TypeError, BundleError) as error:
                log.warning("a peer gave no bundle", extra={"peer": address, "error": str(error)[:200]})
                continue
        yield version


def _timeout() -> httpx.Timeout:
    return httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)


def _addresses(peers: PeerAddress) -> list[str]:
    if not peers.host:
        return []
    try:
        found = socket.getaddrinfo(peers.host, peers.port, type=socket.SOCK_STREAM)
    except OSError as error:  # no pod is ready, so the name has no address
        log.warning("no peer is known", extra={"host": peers.host, "error": str(error)})
        return []
    addresses = sorted({str(entry[4][0]) for entry in found})
    random.shuffle(addresses)
    return addresses


def _served(client: httpx.Client, wanted: WantedModel) -> str | None:
    card = json.loads(read_small(client, BUNDLE_PATH, max_bytes=MAX_CARD_BYTES))
    version = check_version(card["version"])
    if card["name"] != wanted.name:
        return None
    return version if wanted.version in ("", version) else None
