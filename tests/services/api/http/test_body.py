import asyncio

import pytest

from services.api.errors import BodyCutShort, BodyTooLarge, BodyTooSlow
from services.api.http.body import BodyLimit, limit_body

GONE = {"type": "http.disconnect"}


def part(content, *, more=False):
    return {"type": "http.request", "body": content, "more_body": more}


def read(*messages, declared_bytes=0, max_bytes=10, seconds=5.0):
    """Receive all messages and return them."""

    async def run():
        coming = iter(messages)

        async def receive():
            message = next(coming)
            if message is None:
                await asyncio.sleep(60)
            return message

        bound = BodyLimit(max_bytes, max_bytes, seconds)
        bounded = limit_body(receive, bound, declared_bytes=declared_bytes)
        return [await bounded() for _ in messages]

    return asyncio.run(run())


def test_body_within_its_limits_is_forwarded():
    messages = (part(b"12345", more=True), part(b"67890"))

    assert read(*messages) == list(messages)


def test_body_over_the_limit_is_refused_while_reading():
    with pytest.raises(BodyTooLarge, match="at most 10 bytes"):
        read(part(b"123456", more=True), part(b"78901", more=True), part(b"never asked for"))


def test_declared_size_over_the_limit_is_refused_before_reading():
    with pytest.raises(BodyTooLarge, match="has 11 bytes; send at most 10"):
        read(None, declared_bytes=11)


def test_missing_body_times_out():
    with pytest.raises(BodyTooSlow, match=r"not complete within 0\.05 s"):
        read(part(b"1", more=True), None, seconds=0.05)


def test_client_disconnect_is_not_an_error():
    with pytest.raises(BodyCutShort):
        read(part(b"1", more=True), GONE)


def test_client_may_disconnect_after_its_body():
    assert read(part(b"1"), GONE)[1] == GONE
