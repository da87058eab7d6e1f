"""A client of the prediction API, for commands and for the demo."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import httpx

__all__ = ["RequestRefused", "call", "get_token", "open_client"]

TIMEOUT_SECONDS = 30


class RequestRefused(Exception):
    """The API did not answer, or said no; the text has its own words."""


def open_client(url: str, ca: Path | None) -> httpx.Client:
    """Return a client that verifies the server's certificate."""
    if ca is not None and not ca.exists():
        raise RequestRefused(f"{ca} is not there; name the certificate authority with --cacert")
    context = ssl.create_default_context(cafile=str(ca) if ca else None)
    return httpx.Client(base_url=url, verify=context, timeout=TIMEOUT_SECONDS)


def call(client: httpx.Client, method: str, path: str, **arguments: Any) -> Any:
    """Send one request, and return the answer's JSON.

    Raises:
        RequestRefused: no answer, or a refusal; with the API's own words.
    """
    try:
        response = client.request(method, path, **arguments)
    except httpx.TransportError as error:
        raise RequestRefused(f"{client.base_url} did not answer: {error}") from error
    if response.is_success:
        return response.json()
    raise RequestRefused(_explain(response))


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
