"""How commands are told which API to call, and as whom."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import httpx
import typer

from espalier.cli.output import CommandFailed
from espalier.client import AccessToken, Login, open_client

__all__ = [
    "CaOption",
    "PasswordOption",
    "TokenOption",
    "UrlOption",
    "UserOption",
    "authorities",
    "connect",
    "credentials",
]

UrlOption = Annotated[str, typer.Option("--url", envvar="ESPALIER_URL", help="Where the API is.")]
CaOption = Annotated[
    Path | None,
    typer.Option("--cacert", envvar="ESPALIER_CACERT", help="Certificate authority to trust; default: the system's."),
]

TokenOption = Annotated[
    str | None, typer.Option("--token", envvar="ESPALIER_TOKEN", help="Access token, from espalier token.")
]
UserOption = Annotated[
    str | None,
    typer.Option("--user", envvar="ESPALIER_USER", help="Log in as this user, and again when the token expires."),
]
PasswordOption = Annotated[
    str | None, typer.Option("--password", envvar="ESPALIER_PASSWORD", help="The user's; asked for when not given.")
]

LOCAL_CAS = ("tls/ca.pem", "cluster/ca.pem")
"""In the folder of state: of `make serve`, and of `make up`."""


def authorities(url: str, ca: Path | None, state: Path = Path(".espalier")) -> list[Path]:
    """Return whom to trust; for an API on this machine, those that were made here."""
    if ca is not None:
        return [ca]
    local = [state / name for name in LOCAL_CAS] if url.startswith("https://localhost") else []
    return [path for path in local if path.exists()]


def credentials(token: str | None, user: str | None, password: str | None) -> httpx.Auth:
    """Return how requests are authenticated: as a user, who logs in again when the token expires, or by a given token.

    Raises:
        CommandFailed: neither is given.
    """
    if user:
        return Login(user, password or typer.prompt("Password", hide_input=True, err=True))
    if token:
        return AccessToken(token)
    raise CommandFailed("log in with --user NAME, or give a token with --token: espalier token --user NAME")


def connect(url: str, ca: Path | None, auth: httpx.Auth | None = None) -> httpx.Client:
    """Return a client."""
    return open_client(url, *authorities(url, ca), auth=auth)
