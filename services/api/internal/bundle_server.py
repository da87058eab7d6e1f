"""The bundle that this pod serves, for pods that start while the registry is unavailable (model/peers.py asks for it).

``/bundle`` says which version it is, ``/bundle/<file>`` gives one of its six files. A port of its own, so that who may
read the metrics may not read the model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from bundle import BUNDLE_FILES
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
    return {BUNDLE_PATH: card, **{f"{BUNDLE_PATH}/{name}": served.folder / name for name in BUNDLE_FILES}}


def _app(offered: Mapping[str, bytes | Path]) -> Any:
    def app(environ: dict[str, Any], respond: Callable[..., Any]) -> Iterable[bytes]:
        found = offered.get(environ["PATH_INFO"])
        if found is None or environ["REQUEST_METHOD"] != "GET":
            respond("404 Not Found", [("Content-Type", "text/plain")])
            return [b"not here\n"]
        content = found.read_bytes() if isinstance(found, Path) else found
        respond("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(content)))])
        return [content]

    return app
