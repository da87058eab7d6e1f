"""Serve this pod's bundle to pods that start while the registry is unavailable (client: model/peers.py).

``/bundle`` returns the name and version, ``/bundle/<file>`` one of its files. It has its own port, so that access
to the metrics does not include access to the model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from bundle import ALL_FILES
from services.api.internal.server import InternalServer
from services.api.model.peers import BUNDLE_PATH
from services.api.model.source import ServedBundle

__all__ = ["BundleServer"]


class BundleServer(InternalServer):
    """A thread in the parent of the workers."""

    def __init__(self, served: ServedBundle) -> None:
        """Serve a verified bundle."""
        super().__init__(_app(_offered(served)))


def _offered(served: ServedBundle) -> Mapping[str, bytes | Path]:
    card = json.dumps({"name": served.name, "version": served.version}).encode()
    files = [served.folder / name for name in ALL_FILES if (served.folder / name).exists()]
    return {BUNDLE_PATH: card, **{f"{BUNDLE_PATH}/{file.name}": file for file in files}}


def _app(offered: Mapping[str, bytes | Path]) -> Any:
    def app(environ: dict[str, Any], respond: Callable[..., Any]) -> Iterable[bytes]:
        content = offered.get(environ["PATH_INFO"])
        if content is None or environ["REQUEST_METHOD"] != "GET":
            respond("404 Not Found", [("Content-Type", "text/plain")])
            return [b"not found\n"]
        if isinstance(content, Path):
            content = content.read_bytes()
        respond("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(content)))])
        return [content]

    return app
