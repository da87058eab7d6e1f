"""The access token: fetched with the first request, kept, and replaced before it expires or when it is revoked.

It is replaced with the refresh token that came with it, and with the password only if the API refuses that one.
"""

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
        self._refresh_url = f"{token_url.removesuffix('/token')}/refresh"
        self._token: _Token | None = None
        self._refresh_token = ""
        self._lock, self._async_lock = threading.Lock(), asyncio.Lock()

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a token with the request; if it is refused, get another one and send the request once more.

        Raises:
            ApiProblem: the login failed.
        """
        token, refused = self._valid(), None
        while True:
            is_last = token is None
            if token is None:
                with self._lock:
                    token = self._valid()
                    if token is None or token is refused:  # otherwise another thread has logged in meanwhile
                        step = self._first_step()
                        while isinstance(step, httpx.Request):
                            response = yield step
                            response.read()
                            step = self._next_step(response)
                        token = step
            response = yield _with_token(request, token.text)
            if is_last or response.status_code != httpx.codes.UNAUTHORIZED:
                return
            refused, token = token, None

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Do the same without blocking the event loop."""
        token, refused = self._valid(), None
        while True:
            is_last = token is None
            if token is None:
                async with self._async_lock:
                    token = self._valid()
                    if token is None or token is refused:
                        step = self._first_step()
                        while isinstance(step, httpx.Request):
                            response = yield step
                            await response.aread()
                            step = self._next_step(response)
                        token = step
            response = yield _with_token(request, token.text)
            if is_last or response.status_code != httpx.codes.UNAUTHORIZED:
                return
            refused, token = token, None

    def _first_step(self) -> httpx.Request | _Token:
        """Return the request for a new token: by the refresh token if there is one, else by the password."""
        if not self._refresh_token:
            return self.request()
        form = {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
        return httpx.Request("POST", self._refresh_url, data=form)

    def _next_step(self, response: httpx.Response) -> httpx.Request | _Token:
        """Return the token of an answer, or the request of a login if the refresh token was refused.

        If an answer to a refresh was lost, the token is used a second time, and refused: then the password is sent.
        """
        is_refused = response.is_client_error and response.status_code != httpx.codes.TOO_MANY_REQUESTS
        if is_refused and response.request.url == self._refresh_url:
            self._refresh_token = ""
            return self.request()
        return self.keep(response)

    def request(self) -> httpx.Request:
        """Return the request of a login (RFC 6749, section 4.3.2)."""
        form = {"grant_type": "password", "username": self.username, "password": self._password}
        return httpx.Request("POST", self._token_url, data=form)

    def keep(self, response: httpx.Response) -> _Token:
        """Keep the tokens of a login or a refresh.

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
        refresh = answer.get("refresh_token")
        self._refresh_token = refresh if isinstance(refresh, str) else ""
        self._token = _Token(text, self._renew_at(seconds))
        return self._token

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
