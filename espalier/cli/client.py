"""How commands are told which API to call."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import httpx
import typer

from espalier.client import open_client

__all__ = ["CaOption", "UrlOption", "connect"]

UrlOption = Annotated[str, typer.Option("--url", envvar="ESPALIER_URL", help="Where the API is.")]
CaOption = Annotated[
    Path | None,
    typer.Option("--cacert", envvar="ESPALIER_CACERT", help="Certificate authority to trust; default: the system's."),
]

LOCAL_CA = Path(".espalier/tls/ca.pem")


def connect(url: str, ca: Path | None) -> httpx.Client:
    """Return a client; for the API on this machine, one that trusts its authority."""
    if ca is None and url.startswith("https://localhost") and LOCAL_CA.exists():
        ca = LOCAL_CA
    return open_client(url, ca)
