"""What the API does with Arrow streams, around an API that knows only JSON, and the opposite."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["json_only", "with_arrow"]

ARROW = b"application/vnd.apache.arrow.stream"


def json_only(app: ASGIApp) -> ASGIApp:
    """Refuse Arrow streams, as an API does that does not know them."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        if dict(scope["headers"]).get(b"content-type") != ARROW:
            await app(scope, receive, send)
            return
        body = json.dumps({"status": 415, "code": "unsupported_media_type", "detail": "send the body as JSON"}).encode()
        await _answer(send, 415, [(b"content-type", b"application/problem+json")], body)

    return refuse


def with_arrow(app: ASGIApp) -> ASGIApp:
    """Answer Arrow streams with Arrow streams."""

    async def translate(scope: Scope, receive: Receive, send: Send) -> None:
        if dict(scope["headers"]).get(b"content-type") != ARROW:
            await app(scope, receive, send)
            return
        rows = pa.ipc.open_stream(await _read(receive)).read_all().to_pylist()
        body = json.dumps({"rows": rows}).encode()
        replaced = {b"content-type": b"application/json", b"content-length": str(len(body)).encode()}
        headers = [(name, replaced.get(name, value)) for name, value in scope["headers"]]
        status, answered, content = await _ask(app, {**scope, "headers": headers}, body)
        if status != 200:
            await _answer(send, status, answered, content)
            return
        await _answer(send, 200, [(b"content-type", ARROW)], _stream(json.loads(content)))

    return translate


def _stream(answer: dict[str, Any]) -> bytes:
    labels = pa.array([row["label"] for row in answer["predictions"]]).dictionary_encode()
    probabilities = pa.array([row["probability"] for row in answer["predictions"]], pa.float32())
    metadata = {"model": json.dumps(answer["model"]), **{n: answer[n] for n in ("feedback_token", "request_id")}}
    table = pa.table({"label": labels, "probability": probabilities}).replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


async def _read(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


async def _ask(app: ASGIApp, scope: Scope, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], sent[0]["headers"], content


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
