"""Options for the API's address and credentials, and the client that they give.

Without options, a command finds what this checkout has started: the API of ``make up`` or of ``make demo KEEP=1`` and
``make serve``, the authority of its certificate, and the user ``demo`` with its password.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from espalier.cli.output import CommandFailed

if TYPE_CHECKING:
    from espalier.client import Client, Retries

__all__ = [
    "Access",
    "CaOption",
    "PasswordFileOption",
    "TokenOption",
    "UrlOption",
    "UserOption",
    "authorities",
    "connect",
    "find_access",
]

UrlOption = Annotated[
    str,
    typer.Option(
        "--url",
        envvar="ESPALIER_URL",
        help="URL of the API; default: that of make up without --user, otherwise https://localhost:8443.",
    ),
]
CaOption = Annotated[
    Path | None,
    typer.Option(
        "--cacert",
        envvar="ESPALIER_CACERT",
        help="Certificate authority to trust; default: those of the system, and for https://localhost those of make.",
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option("--token", envvar="ESPALIER_TOKEN", help="Access token instead, printed by espalier token."),
]
UserOption = Annotated[
    str,
    typer.Option(
        "--user",
        envvar="ESPALIER_USER",
        help="Log in as this user; default: demo, if make up or make demo created it. Its password is read from "
        "ESPALIER_PASSWORD, otherwise from the file of make, otherwise asked for.",
    ),
]
PasswordFileOption = Annotated[Path | None, typer.Option("--password-file", help="File with the password of the user.")]

DEMO_USER = "demo"
LOCAL_URL = "https://localhost:8443"
LOCAL_CAS = ("tls/ca.pem", "cluster/ca.pem")
"""In the state folder: those of `make serve` and of `make up`."""


@dataclass(frozen=True, repr=False)
class Access:
    """An API, and who asks it: a user with a password, or a token."""

    url: str
    authorities: list[Path]
    user: str | None
    password: str | None
    token: str | None

    def connect(self, retries: Retries | None = None) -> Client:
        """Return a client; nothing is sent yet.

        Raises:
            InvalidInput: the URL or the certificate authority cannot be used.
        """
        from espalier.client import Client, trust

        ca = trust(*self.authorities)
        return Client(self.url, username=self.user, password=self.password, token=self.token, ca=ca, retries=retries)


def connect(
    url: str, user: str, password_file: Path | None, token: str | None, cacert: Path | None, state: Path
) -> Client:
    """Return a client of the API.

    Raises:
        CommandFailed, InvalidInput: see ``find_access`` and ``Access.connect``.
    """
    return find_access(url, user, password_file, token, cacert, state).connect()


def find_access(
    url: str, user: str, password_file: Path | None, token: str | None, cacert: Path | None, state: Path
) -> Access:
    """Return what the options say, and what this checkout has started where they say nothing.

    Raises:
        CommandFailed: there is neither a user nor a token, or no password.
    """
    found = url.rstrip("/") or _default_url(user, token, state)
    trusted = authorities(found, cacert, state)
    if token and not user:
        return Access(found, trusted, None, None, token)
    of_demo = _demo_password(found, state)
    if not user and of_demo is None:
        raise CommandFailed(
            f"no user for {found}: log in with --user NAME (create one with: espalier users create NAME), or pass a "
            "token with --token"
        )
    name = user or DEMO_USER
    return Access(found, trusted, name, _password(name, password_file, of_demo if name == DEMO_USER else None), None)


def authorities(url: str, ca: Path | None, state: Path) -> list[Path]:
    """Return the authorities to trust; for an API on this machine, those that were created here."""
    if ca is not None:
        return [ca]
    local = [state / name for name in LOCAL_CAS] if _is_local(url) else []
    return [path for path in local if path.exists()]


def _default_url(user: str, token: str | None, state: Path) -> str:
    """Return the URL of make up, for its user; otherwise that of make serve."""
    of_cluster = state / "cluster/url"
    if user == DEMO_USER or not (user or token):
        return _read(of_cluster) or LOCAL_URL
    return LOCAL_URL


def _demo_password(url: str, state: Path) -> Path | None:
    """Return the file with the password of the user demo; only for an API that was started here."""
    of_cluster, local = state / "cluster/password", state / "demo.password"
    if of_cluster.exists() and url == _read(state / "cluster/url"):
        return of_cluster
    if not _is_local(url):
        return None
    return next((path for path in (local, of_cluster) if path.exists()), None)


def _password(user: str, file: Path | None, of_demo: Path | None) -> str:
    from_environment = os.environ.get("ESPALIER_PASSWORD", "")
    if file is None and from_environment:
        return from_environment
    if file is not None or of_demo is not None:
        path = file or of_demo
        assert path is not None  # noqa: S101 (one of them is)
        try:
            return path.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise CommandFailed(f"cannot read the password of {user}: {error}") from error
    if sys.stdin.isatty():
        return str(typer.prompt(f"Password of {user}", hide_input=True, err=True))
    raise CommandFailed(f"no password of {user}: use --password-file FILE, or set ESPALIER_PASSWORD")


def _is_local(url: str) -> bool:
    return re.match(r"https://localhost(?=[:/]|$)", url) is not None


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""
