"""A client of the API, for the commands that call it."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from espalier.cli.output import CommandFailed

__all__ = ["CaOption", "UrlOption", "call", "get_token", "open_client"]

UrlOption = Annotated[str, typer.Option("--url", envvar="ESPALIER_URL", help="Where the API is.")]
CaOption = Annotated[
    Path | None,
    typer.Option("--cacert", envvar="ESPALIER_CACERT", help="Certificate authority to trust; default: the system's."),
]

TIMEOUT_SECONDS = 30
DEFAULT_CA = Path(".espalier/tls/ca.pem")


def open_client(url: str, ca: Path | None) -> httpx.Client:
    """Return a client that verifies the server's certificate."""
    if ca is None and url.startswith("https://localhost") and DEFAULT_CA.exists():
        ca = DEFAULT_CA
    if ca is not None and not ca.exists():
        raise CommandFailed(f"{ca} is not there; name the certificate authority with --cacert")
    context = ssl.create_default_context(cafile=str(ca) if ca else None)
    return httpx.Client(base_url=url, verify=context, timeout=TIMEOUT_SECONDS)


def call(client: httpx.Client, method: str, path: str, **arguments: Any) -> Any:
    """Send one request, and return the answer's JSON.

    Raises:
        CommandFailed: no answer, or a refusal; with the API's own words.
    """
    try:
        response = client.request(method, path, **arguments)
    except httpx.TransportError as error:
        raise CommandFailed(f"{client.base_url} did not answer: {error}") from error
    if response.is_success:
        return response.json()
    raise CommandFailed(_explain(response))


def get_token(client: httpx.Client, user: str, password: str) -> dict[str, Any]:
    """Log in."""
    token: dict[str, Any] = call(client, "POST", "/v1/auth/token", data={"username": user, "password": password})
    return token


def _explain(response: httpx.Response) -> str:
    try:
        problem = response.json()
    except ValueError:
        return f"the API answered {response.status_code}"
    lines = [f"the API answered {response.status_code}: {problem.get('detail', '')}"]
    lines += [f"  {error['field']} {error['message']}" for error in problem.get("errors") or []]
    return "\n".join(lines)
