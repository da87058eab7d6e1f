"""The access token: fetched with the first request, kept, and replaced before it expires or when it is revoked."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass
from typing import Any

import httpx

from espalier.client.answers import as_problem, read_object
from espalier.client.errors import UnexpectedAnswer

__all__ = ["AccessToken", "Login"]

LATEST_RENEWAL_SECONDS = 30.0
"""Before the expiry, so that no request arrives with a token that has just expired."""

RENEWED_SHARE = 0.1
"""Of a lifetime that is shorter than ten times that."""


class AccessToken(httpx.Auth):
    """A fixed access token, which is not replaced when it expires."""

    def __init__(self, token: str) -> None:
        """Store the token."""
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the token with every request."""
        yield _with_token(request, self._token)


@dataclass(frozen=True, repr=False)
class _Token:
    text: str
    renew_at: float
    """On the clock of the login."""


class Login(httpx.Auth):
    """Logs in with a name and a password when a token is needed; threads and tasks that wait share one login."""

    def __init__(
        self, token_url: str, username: str, password: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Store the credentials; nothing is sent yet."""
        self.username = username
        self._token_url, self._password, self._clock = token_url, password, clock
        self._token: _Token | None = None
        self._lock, self._async_lock = threading.Lock(), asyncio.Lock()

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a token with the request; if it is refused, log in and send the request once more.

        Raises:
            ApiProblem: the login failed.
        """
        token, is_new = self._valid(), False
        if token is None:
            token, is_new = (yield from self._log_in(None)), True
        response = yield _with_token(request, token.text)
        if response.status_code == httpx.codes.UNAUTHORIZED and not is_new:
            token = yield from self._log_in(token)
            yield _with_token(request, token.text)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Do the same without blocking the event loop."""
        token, is_new = self._valid(), False
        if token is None:
            async with self._async_lock:
                token = self._valid()
                if token is None:
                    token = self.keep(await _read((yield self.request())))
            is_new = True
        response = yield _with_token(request, token.text)
        if response.status_code == httpx.codes.UNAUTHORIZED and not is_new:
            async with self._async_lock:
                refused, token = token, self._valid()
                if token is None or token is refused:
                    token = self.keep(await _read((yield self.request())))
            yield _with_token(request, token.text)

    def request(self) -> httpx.Request:
        """Return the request of a login (RFC 6749, section 4.3.2)."""
        form = {"grant_type": "password", "username": self.username, "password": self._password}
        return httpx.Request("POST", self._token_url, data=form)

    def keep(self, response: httpx.Response) -> _Token:
        """Keep the token of a login.

        Raises:
            ApiProblem: the login was refused.
            UnexpectedAnswer: the answer has no token.
        """
        if not response.is_success:
            raise as_problem(response)
        answer = read_object(response)
        text, seconds = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(text, str):
            raise UnexpectedAnswer("the answer to the login has no access_token")
        self._token = _Token(text, self._renew_at(seconds))
        return self._token

    def _log_in(self, refused: _Token | None) -> Generator[httpx.Request, httpx.Response, _Token]:
        with self._lock:
            token = self._valid()
            if token is None or token is refused:  # otherwise another thread has logged in meanwhile
                response = yield self.request()
                response.read()
                token = self.keep(response)
        return token

    def _valid(self) -> _Token | None:
        token = self._token
        return token if token is not None and self._clock() < token.renew_at else None

    def _renew_at(self, seconds: Any) -> float:
        if not isinstance(seconds, int | float):  # RFC 6749 only recommends it: then a 401 tells
            return float("inf")
        return self._clock() + seconds - min(LATEST_RENEWAL_SECONDS, RENEWED_SHARE * seconds)


def _with_token(request: httpx.Request, token: str) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {token}"
    return request


async def _read(response: httpx.Response) -> httpx.Response:
    await response.aread()
    return response
