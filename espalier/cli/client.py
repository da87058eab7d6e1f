"""Options for the API's address and credentials."""

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

UrlOption = Annotated[str, typer.Option("--url", envvar="ESPALIER_URL", help="URL of the API.")]
CaOption = Annotated[
    Path | None,
    typer.Option(
        "--cacert", envvar="ESPALIER_CACERT", help="Certificate authority to trust; default: those of the system."
    ),
]

TokenOption = Annotated[
    str | None, typer.Option("--token", envvar="ESPALIER_TOKEN", help="Access token, printed by espalier token.")
]
UserOption = Annotated[
    str | None,
    typer.Option("--user", envvar="ESPALIER_USER", help="Log in as this user, and again when the token expires."),
]
PasswordOption = Annotated[
    str | None, typer.Option("--password", envvar="ESPALIER_PASSWORD", help="Password of the user; default: prompt.")
]

LOCAL_CAS = ("tls/ca.pem", "cluster/ca.pem")
"""In the state folder: those of `make serve` and of `make up`."""


def authorities(url: str, ca: Path | None, state: Path = Path(".espalier")) -> list[Path]:
    """Return the authorities to trust; for an API on this machine, those that were created here."""
    if ca is not None:
        return [ca]
    local = [state / name for name in LOCAL_CAS] if url.startswith("https://localhost") else []
    return [path for path in local if path.exists()]


def credentials(token: str | None, user: str | None, password: str | None) -> httpx.Auth:
    """Return the authentication of requests: a user, who logs in again when the token expires, or a fixed token.

    Raises:
        CommandFailed: there is neither a user nor a token.
    """
    if user:
        return Login(user, password or typer.prompt("Password", hide_input=True, err=True))
    if token:
        return AccessToken(token)
    raise CommandFailed(
        "log in with --user NAME, or pass a token with --token (print one with: espalier token --user NAME)"
    )


def connect(url: str, ca: Path | None, auth: httpx.Auth | None = None) -> httpx.Client:
    """Return a client of the API."""
    return open_client(url, *authorities(url, ca), auth=auth)
