"""Read the body (payload) of a request within its limits of size and time, and check its media type."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Message, Receive

from services.api.errors import BodyCutShort, BodyTooLarge, BodyTooSlow, UnsupportedMediaType
from services.api.http.columnar import Form
from services.api.http.large_bodies import Place
from services.api.http.media_types import ARROW, JSON, PARQUET, content_type, is_encoded
from services.api.prediction.columnar.json_columns import BEGIN_BYTES, is_columnar

__all__ = ["BodyLimit", "check_not_encoded", "limit_body", "read_json", "read_rows"]

OTHER_TYPE = (
    f"send the rows as JSON, with Content-Type: {JSON}, as an Arrow stream, with Content-Type: {ARROW}, or as a "
    f"Parquet file, with Content-Type: {PARQUET}; espalier predict and the Python client send other files, and data "
    "frames, in this way"
)

COLUMN_FILES = {ARROW: Form.ARROW, PARQUET: Form.PARQUET}


@dataclass
class BodyLimit:
    """Limits of the body of one request. In its scope as ``body_bound``, so that the route can raise them."""

    max_bytes: int
    """The current limit; at first that of requests without rows."""

    max_row_bytes: int
    seconds: float
    declared_bytes: int = 0

    def check(self, taken: int) -> None:
        """Check the declared size, and the number of bytes received so far.

        Raises:
            BodyTooLarge
        """
        if self.declared_bytes > self.max_bytes:
            raise BodyTooLarge(f"the body has {self.declared_bytes:,} bytes; send at most {self.max_bytes:,}")
        if taken > self.max_bytes:
            raise BodyTooLarge(f"the body is too large; send at most {self.max_bytes:,} bytes")

    def allow_rows(self) -> None:
        """Allow the size of a body with rows."""
        self.max_bytes = self.max_row_bytes

    def allow_columns(self, max_bytes: int) -> None:
        """Allow the size of a body with columns."""
        self.max_bytes = max(self.max_row_bytes, max_bytes)


def limit_body(
    receive: Receive, bound: BodyLimit, *, declared_bytes: int = 0, check_caller: Callable[[], None] = lambda: None
) -> Receive:
    """Return a ``receive`` that forwards the body within its limits, from an authenticated caller.

    It refuses only when the route reads the body. By then most routes have authenticated the caller, and the refusal is
    counted. For routes whose body the framework reads before it authenticates the caller, ``check_caller`` raises.

    Raises, when called:
        BodyTooLarge: the declared or the received size is larger.
        BodyTooSlow: not complete in time.
        BodyCutShort: the client disconnected before it was complete.
    """
    bound.declared_bytes = declared_bytes
    ends = asyncio.get_running_loop().time() + bound.seconds
    taken, is_begun, is_whole = 0, False, False

    async def receive_bounded() -> Message:
        nonlocal taken, is_begun, is_whole
        if is_whole:
            return await receive()  # only a disconnect can follow
        if not is_begun:
            is_begun = True
            check_caller()
        bound.check(taken)
        try:
            async with asyncio.timeout_at(ends):
                message = await receive()
        except TimeoutError as error:
            raise BodyTooSlow(f"the body was not complete within {bound.seconds:g} s") from error
        if message["type"] == "http.disconnect":
            raise BodyCutShort("the client disconnected before the body was complete")
        taken += len(message.get("body", b""))
        bound.check(taken)
        is_whole = not message.get("more_body", False)
        return message

    return receive_bounded


def check_not_encoded(headers: Headers) -> None:
    """Check that a body is not compressed: nothing here decompresses it.

    Raises:
        UnsupportedMediaType
    """
    if is_encoded(headers):
        raise UnsupportedMediaType("send the body without compression (no Content-Encoding)")


async def read_json(request: Request) -> bytes:
    """Return the complete body of a request with rows.

    Raises:
        UnsupportedMediaType: its Content-Type is not application/json, or it is compressed.
        BodyTooLarge, BodyTooSlow, BodyCutShort
    """
    if content_type(request.headers) != JSON:
        raise UnsupportedMediaType(f"send the body as JSON, with Content-Type: {JSON}")
    check_not_encoded(request.headers)
    request.scope["body_bound"].allow_rows()
    return await request.body()


async def read_rows(request: Request, place: Place, *, max_columnar_bytes: int) -> tuple[Form, bytes | bytearray]:
    """Return the form and the complete body of a request with rows to predict.

    JSON may have rows or columns, which its beginning tells; only columns may be larger than ``max_row_bytes``.

    Raises:
        UnsupportedMediaType
        Busy: too many large bodies are in memory.
        BodyTooLarge, BodyTooSlow, BodyCutShort
    """
    kind = content_type(request.headers)
    if kind != JSON and kind not in COLUMN_FILES:
        raise UnsupportedMediaType(OTHER_TYPE)
    check_not_encoded(request.headers)
    bound: BodyLimit = request.scope["body_bound"]
    bound.allow_columns(max_columnar_bytes)
    form, body = COLUMN_FILES.get(kind), bytearray()
    async for part in request.stream():
        body += part
        if form is None and len(body) >= BEGIN_BYTES:
            form = _form_of_json(body, bound)
        if len(body) > bound.max_row_bytes:
            place.take()
    form = form or _form_of_json(body, bound)
    return form, bytes(body) if form is Form.ROWS else body


def _form_of_json(body: bytearray, bound: BodyLimit) -> Form:
    """Return the form of a body in JSON from its beginning; rows have the lower limit."""
    if is_columnar(body):
        return Form.JSON_COLUMNS
    bound.allow_rows()
    bound.check(len(body))
    return Form.ROWS
