"""A client of the prediction API, for commands and for the demo."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import httpx

__all__ = ["RequestRefused", "call", "get_token", "open_client", "trust"]

TIMEOUT_SECONDS = 30


class RequestRefused(Exception):
    """The API did not answer, or said no; the text has its own words."""


def trust(*authorities: Path) -> ssl.SSLContext:
    """Return what verifies a server's certificate: by these authorities, or by the system's where none is named."""
    for ca in authorities:
        if not ca.exists():
            raise RequestRefused(f"{ca} is not there; name the certificate authority with --cacert")
    context = ssl.create_default_context(cafile=str(authorities[0]) if authorities else None)
    for ca in authorities[1:]:
        context.load_verify_locations(cafile=str(ca))
    return context


def open_client(url: str, *authorities: Path) -> httpx.Client:
    """Return a client that verifies the server's certificate."""
    return httpx.Client(base_url=url, verify=trust(*authorities), timeout=TIMEOUT_SECONDS)


def call(client: httpx.Client, method: str, path: str, **arguments: Any) -> Any:
    """Send one request, and return the answer's JSON.

    Raises:
        RequestRefused: no answer, or a refusal; with the API's own words.
    """
    try:
        response = client.request(method, path, **arguments)
    except httpx.TransportError as error:
        hint = "; name the authority that its certificate is from with --cacert" if _is_untrusted(error) else ""
        raise RequestRefused(f"{client.base_url} did not answer: {error}{hint}") from error
    if response.is_success:
        return response.json()
    raise RequestRefused(_explain(response))


def get_token(client: httpx.Client, user: str, password: str) -> dict[str, Any]:
    """Log in."""
    token: dict[str, Any] = call(client, "POST", "/v1/auth/token", data={"username": user, "password": password})
    return token


def _is_untrusted(error: BaseException) -> bool:
    return "CERTIFICATE_VERIFY_FAILED" in str(error)


def _explain(response: httpx.Response) -> str:
    try:
        problem = response.json()
    except ValueError:
        return f"the API answered {response.status_code}"
    lines = [f"the API answered {response.status_code}: {problem.get('detail', '')}"]
    lines += [f"  {error['field']} {error['message']}" for error in problem.get("errors") or []]
    return "\n".join(lines)
