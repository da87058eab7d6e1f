"""Fetch the bundle from another pod of the API when the registry is unavailable.

Each pod serves its verified bundle on an internal port (internal/bundle_server.py). The download is not trusted; the
caller verifies it.
"""

from __future__ import annotations

import json
import logging
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx

from bundle import BUNDLE_FILES, BundleError, check_version
from bundle.layout import GOLDEN_ROWS
from services.api.model.downloads import download, read_small
from services.api.model.requested import RequestedModel

__all__ = ["BUNDLE_PATH", "PeerAddress", "offers"]

BUNDLE_PATH = "/bundle"
CONNECT_SECONDS = 2.0
READ_SECONDS = 10.0
MAX_CARD_BYTES = 1000

log = logging.getLogger("espalier.api.peers")


@dataclass(frozen=True)
class PeerAddress:
    """Where the other pods of the API serve their bundle."""

    host: str
    """DNS name of the pods; empty: no peers."""

    port: int


def offers(peers: PeerAddress, requested: RequestedModel, folder: Path) -> Iterator[str]:
    """Download the bundle of one peer after another into ``folder``, and yield the version of each.

    Peers that serve another model, or another version than the requested one, are skipped.
    """
    for address in _addresses(peers):
        host = f"[{address}]" if ":" in address else address
        with httpx.Client(base_url=f"http://{host}:{peers.port}", timeout=_timeout()) as client:
            try:
                version = _served(client, requested)
                if version is None:
                    continue
                for name in BUNDLE_FILES:
                    download(client, f"{BUNDLE_PATH}/{name}", folder / name, max_bytes=requested.max_bytes)
                _download_golden_rows(client, folder / GOLDEN_ROWS, max_bytes=requested.max_bytes)
            except (httpx.HTTPError, ValueError, KeyError, TypeError, BundleError) as error:
                log.warning("no bundle from this peer", extra={"peer": address, "error": str(error)[:200]})
                continue
        yield version


def _download_golden_rows(client: httpx.Client, to: Path, *, max_bytes: int) -> None:
    """Download the file that older bundles do not have; the manifest, once verified, says whether it may be missing."""
    try:
        download(client, f"{BUNDLE_PATH}/{to.name}", to, max_bytes=max_bytes)
    except httpx.HTTPStatusError as error:
        if error.response.status_code != HTTPStatus.NOT_FOUND:
            raise
        to.unlink()


def _timeout() -> httpx.Timeout:
    return httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)


def _addresses(peers: PeerAddress) -> list[str]:
    if not peers.host:
        return []
    try:
        entries = socket.getaddrinfo(peers.host, peers.port, type=socket.SOCK_STREAM)
    except OSError as error:  # the name has no address while no pod is ready
        log.warning("no peers found", extra={"host": peers.host, "error": str(error)})
        return []
    addresses = sorted({str(entry[4][0]) for entry in entries})
    random.shuffle(addresses)
    return addresses


def _served(client: httpx.Client, requested: RequestedModel) -> str | None:
    card = json.loads(read_small(client, BUNDLE_PATH, max_bytes=MAX_CARD_BYTES))
    version = check_version(card["version"])
    if card["name"] != requested.name:
        return None
    return version if requested.version in ("", version) else None
