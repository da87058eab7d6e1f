"""Read the body of an inference request, and find where its JSON ends."""

from __future__ import annotations

from starlette.requests import Request

from services.api.errors import MalformedBody, UnsupportedMediaType
from services.api.http.body import check_not_encoded
from services.api.http.media_types import JSON, content_type

__all__ = ["BINARY", "JSON_LENGTH", "read_inference"]

BINARY = "application/octet-stream"
"""Media type of a body with binary tensors."""

JSON_LENGTH = "Inference-Header-Content-Length"
"""Header of a body whose tensors follow its JSON as bytes: the length of the JSON."""

MAX_LENGTH_DIGITS = 20


async def read_inference(request: Request) -> tuple[bytes, int | None]:
    """Return the complete body, and the length of its JSON if bytes follow it.

    A body without Content-Type is accepted: tritonclient sends none.

    Raises:
        UnsupportedMediaType: another media type, or a compressed body.
        MalformedBody: the header is not a length.
        BodyTooLarge, BodyTooSlow, BodyCutShort
    """
    headers = request.headers
    if content_type(headers) not in (JSON, BINARY, ""):
        raise UnsupportedMediaType(
            f"send the tensors as JSON, with Content-Type: {JSON}, or with binary tensors behind the JSON, with "
            f"{BINARY} and {JSON_LENGTH}"
        )
    check_not_encoded(headers)
    length = headers.get(JSON_LENGTH)
    if length is not None and not (length.isascii() and length.isdecimal() and len(length) < MAX_LENGTH_DIGITS):
        raise MalformedBody(f"{JSON_LENGTH} must be the length of the JSON in bytes")
    request.scope["body_bound"].allow_rows()
    return await request.body(), None if length is None else int(length)
