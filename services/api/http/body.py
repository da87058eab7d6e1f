"""A request's body as it arrives: no larger and no slower than is allowed, and of the right kind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import Message, Receive

from services.api.errors import BodyCutShort, BodyTooLarge, BodyTooSlow, UnsupportedMediaType

__all__ = ["BodyLimit", "limit_body", "read_json"]


@dataclass
class BodyLimit:
    """What the body of one request may be; in its scope as ``body_bound``, so that the route may allow more."""

    max_bytes: int
    """At first: enough for everything but rows."""

    max_row_bytes: int
    seconds: float

    def allow_rows(self) -> None:
        """Take a body that brings rows."""
        self.max_bytes = self.max_row_bytes


def limit_body(
    receive: Receive, bound: BodyLimit, *, declared_bytes: int = 0, check_caller: Callable[[], None] = lambda: None
) -> Receive:
    """Return a ``receive`` that forwards a body within its limits, from a caller who is known.

    It refuses only when it is asked, inside the route: so most routes have checked who calls before, and the refusal is
    counted. For those whose body the framework reads before it asks who calls, ``check_caller`` raises.

    Raises, when called:
        BodyTooLarge: declared, or found, to be larger.
        BodyTooSlow: not whole in time.
        BodyCutShort: the client disconnected before it was whole.
    """
    ends = asyncio.get_running_loop().time() + bound.seconds
    taken, is_begun, is_whole = 0, False, False

    async def receive_bounded() -> Message:
        nonlocal taken, is_begun, is_whole
        if is_whole:
            return await receive()  # only ever: the client disconnected
        if not is_begun:
            is_begun = True
            check_caller()
        if declared_bytes > bound.max_bytes:
            raise BodyTooLarge(f"this request has at most {bound.max_bytes:,} bytes, and came with {declared_bytes:,}")
        try:
            async with asyncio.timeout_at(ends):
                message = await receive()
        except TimeoutError as error:
            raise BodyTooSlow(f"a request is whole after {bound.seconds:g} s, this one was not") from error
        if message["type"] == "http.disconnect":
            raise BodyCutShort("the connection ended before the request was whole")
        taken += len(message.get("body", b""))
        if taken > bound.max_bytes:
            raise BodyTooLarge(f"this request has at most {bound.max_bytes:,} bytes")
        is_whole = not message.get("more_body", False)
        return message

    return receive_bounded


async def read_json(request: Request) -> bytes:
    """Return the whole body, as it came: one that brings rows, and may be as large as they are.

    Raises:
        UnsupportedMediaType: it does not say that it is JSON.
        BodyTooLarge, BodyTooSlow, BodyCutShort
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedMediaType("the body must be application/json")
    request.scope["body_bound"].allow_rows()
    return await request.body()
