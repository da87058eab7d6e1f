"""A request's body as it arrives: no larger and no slower than is allowed, and of the right kind."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.types import Message, Receive

from services.api.errors import BodyCutShort, BodyTooLarge, BodyTooSlow, UnsupportedMediaType

__all__ = ["bound_body", "read_json"]


def bound_body(receive: Receive, *, declared_bytes: int, max_bytes: int, seconds: float) -> Receive:
    """Return a ``receive`` that hands on a body of at most ``max_bytes`` that is whole after ``seconds``.

    It refuses only when it is asked, inside the route: so who calls is checked first, and the refusal is counted.

    Raises, when called:
        BodyTooLarge: declared, or found, to be larger.
        BodyTooSlow: not whole in time.
        BodyCutShort: the client went away before it was whole.
    """
    ends = asyncio.get_running_loop().time() + seconds
    taken, is_whole = 0, False

    async def receive_bounded() -> Message:
        nonlocal taken, is_whole
        if is_whole:
            return await receive()  # only ever: the client went away
        if declared_bytes > max_bytes:
            raise BodyTooLarge(f"a request has at most {max_bytes:,} bytes, this one has {declared_bytes:,}")
        try:
            async with asyncio.timeout_at(ends):
                message = await receive()
        except TimeoutError as error:
            raise BodyTooSlow(f"a request is whole after {seconds:g} s, this one was not") from error
        if message["type"] == "http.disconnect":
            raise BodyCutShort("the connection ended before the request was whole")
        taken += len(message.get("body", b""))
        if taken > max_bytes:
            raise BodyTooLarge(f"a request has at most {max_bytes:,} bytes")
        is_whole = not message.get("more_body", False)
        return message

    return receive_bounded


async def read_json(request: Request) -> bytes:
    """Return the whole body, as it came.

    Raises:
        UnsupportedMediaType: it does not say that it is JSON.
        BodyTooLarge, BodyTooSlow, BodyCutShort
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedMediaType("the body must be application/json")
    return await request.body()
