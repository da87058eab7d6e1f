"""A client of the prediction API, for the commands and the demo."""

from __future__ import annotations

import ssl
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx

from bundle import ExpectedError

__all__ = ["AccessToken", "Login", "RequestRefused", "call", "get_token", "open_client", "trust"]

TIMEOUT_SECONDS = 30
LOGIN = "/v1/auth/token"


class RequestRefused(ExpectedError):
    """The API did not answer or rejected the request; the message has its explanation."""


class AccessToken(httpx.Auth):
    """A fixed access token, which is not renewed when it expires."""

    def __init__(self, token: str) -> None:
        """Store the token."""
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the token with every request."""
        yield _with_token(request, self._token)


class Login(httpx.Auth):
    """Logs in with the first request, and again when the token expires or is revoked."""

    requires_response_body = True

    def __init__(self, user: str, password: str) -> None:
        """Store the credentials; nothing is sent yet."""
        self._form = {"username": user, "password": password}
        self._token = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a token with every request.

        Raises:
            RequestRefused: the login failed.
        """
        if self._token:
            response = yield _with_token(request, self._token)
            if response.status_code != httpx.codes.UNAUTHORIZED:
                return
        answer = yield httpx.Request("POST", request.url.copy_with(path=LOGIN, query=None), data=self._form)
        if not answer.is_success:
            raise RequestRefused(_explain(answer))
        self._token = answer.json()["access_token"]
        yield _with_token(request, self._token)


def _with_token(request: httpx.Request, token: str) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {token}"
    return request


def trust(*authorities: Path) -> ssl.SSLContext:
    """Return a TLS context that trusts these authorities, or those of the system if none are given."""
    for ca in authorities:
        if not ca.exists():
            raise RequestRefused(f"{ca} not found; name the certificate authority with --cacert")
    context = ssl.create_default_context(cafile=str(authorities[0]) if authorities else None)
    for ca in authorities[1:]:
        context.load_verify_locations(cafile=str(ca))
    return context


def open_client(url: str, *authorities: Path, auth: httpx.Auth | None = None) -> httpx.Client:
    """Return a client that verifies the server's certificate."""
    return httpx.Client(base_url=url, verify=trust(*authorities), timeout=TIMEOUT_SECONDS, auth=auth)


def call(client: httpx.Client, method: str, path: str, **arguments: Any) -> Any:
    """Send a request, and return the JSON of the response.

    Raises:
        RequestRefused: the API did not answer or rejected the request; the message has its explanation.
    """
    try:
        response = client.request(method, path, **arguments)
    except httpx.TransportError as error:
        hint = "; name the authority that issued its certificate with --cacert" if _is_untrusted(error) else ""
        raise RequestRefused(f"{client.base_url} did not answer: {error}{hint}") from error
    if response.is_success:
        return response.json()
    raise RequestRefused(_explain(response))


def get_token(client: httpx.Client, user: str, password: str) -> dict[str, Any]:
    """Log in."""
    token: dict[str, Any] = call(client, "POST", LOGIN, data={"username": user, "password": password})
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
