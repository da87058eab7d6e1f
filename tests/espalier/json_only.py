"""An API that does not know Arrow, as one before it took columns."""

from __future__ import annotations

import json

from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["json_only"]

ARROW = b"application/vnd.apache.arrow.stream"


def json_only(app: ASGIApp) -> ASGIApp:
    """Refuse Arrow streams before they are read."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        if dict(scope["headers"]).get(b"content-type") != ARROW:
            await app(scope, receive, send)
            return
        body = json.dumps({"status": 415, "code": "unsupported_media_type", "detail": "send the body as JSON"}).encode()
        headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 415, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return refuse
