"""How a client reaches its API: address, certificates, credentials, retries."""

from __future__ import annotations

from typing import Any

import httpx

from espalier.client.access import AccessToken, Login
from espalier.client.answers import as_problem
from espalier.client.errors import InvalidInput
from espalier.client.exchanges import Limits, Request
from espalier.client.retries import Retries
from espalier.client.tls import Ca, tls_context

__all__ = ["TIMEOUT_SECONDS", "Connection", "http_arguments", "read"]

TIMEOUT_SECONDS = 30.0
TOKEN_PATH = "/v1/auth/token"  # noqa: S105 (a path)


class Connection:
    """What ``Client`` and ``AsyncClient`` have in common, without sending anything."""

    def __init__(
        self, url: str, username: str | None, password: str | None, token: str | None, retries: Retries | None
    ) -> None:
        """Check the address and the credentials.

        Raises:
            InvalidInput: the URL is not one of HTTP, or there are not exactly a user with a password, or a token.
        """
        self.url = _check_url(url)
        self.auth = _auth(f"{self.url}{TOKEN_PATH}", username, password, token)
        self.retries = retries or Retries()
        self.limits = Limits()

    def http_options(self, ca: Ca, timeout: float) -> dict[str, Any]:
        """Return the arguments of an HTTP client; ``timeout`` is for each wait, in seconds.

        Raises:
            InvalidInput: the file with the certificate authority cannot be used.
        """
        return {"base_url": self.url, "auth": self.auth, "verify": tls_context(ca), "timeout": timeout}

    def login(self) -> Login:
        """Return the login.

        Raises:
            InvalidInput: the client has only a token.
        """
        if isinstance(self.auth, Login):
            return self.auth
        raise InvalidInput("this client has a token, and no user to log in")

    def describe(self, name: str) -> str:
        """Return the repr of a client, without its password and its token."""
        user = f", username={self.auth.username!r}" if isinstance(self.auth, Login) else ""
        return f"{name}({self.url!r}{user})"


def read(response: httpx.Response) -> httpx.Response:
    """Return a response that succeeded.

    Raises:
        ApiProblem: it did not.
    """
    if not response.is_success:
        raise as_problem(response)
    return response


def http_arguments(request: Request) -> dict[str, Any]:
    """Return the arguments of an HTTP request."""
    return {
        "method": request.method,
        "url": request.path,
        "content": request.content,
        "headers": dict(request.headers),
        "params": dict(request.params),
    }


def _check_url(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        raise InvalidInput(f"{url!r} is not a URL: {error}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InvalidInput(f"{url!r} is not the URL of an API, such as https://predict.example.org")
    if parsed.userinfo:
        raise InvalidInput("the URL contains a user; pass username and password instead")
    return str(url).rstrip("/")


def _auth(token_url: str, username: str | None, password: str | None, token: str | None) -> httpx.Auth:
    if token is not None and username is None and password is None:
        return AccessToken(token)
    if token is None and username is not None and password is not None:
        return Login(token_url, username, password)
    raise InvalidInput("pass username and password, or token")
