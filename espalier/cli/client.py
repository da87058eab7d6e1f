"""How commands are told which API to call."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import httpx
import typer

from espalier.client import open_client

__all__ = ["CaOption", "UrlOption", "authorities", "connect"]

UrlOption = Annotated[str, typer.Option("--url", envvar="ESPALIER_URL", help="Where the API is.")]
CaOption = Annotated[
    Path | None,
    typer.Option("--cacert", envvar="ESPALIER_CACERT", help="Certificate authority to trust; default: the system's."),
]

LOCAL_CAS = ("tls/ca.pem", "cluster/ca.pem")
"""In the folder of state: of `make serve`, and of `make up`."""


def authorities(url: str, ca: Path | None, state: Path = Path(".espalier")) -> list[Path]:
    """Return whom to trust; for an API on this machine, those that were made here."""
    if ca is not None:
        return [ca]
    local = [state / name for name in LOCAL_CAS] if url.startswith("https://localhost") else []
    return [path for path in local if path.exists()]


def connect(url: str, ca: Path | None) -> httpx.Client:
    """Return a client."""
    return open_client(url, *authorities(url, ca))
