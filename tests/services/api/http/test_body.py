import asyncio

import pytest

from services.api.errors import BodyCutShort, BodyTooLarge, BodyTooSlow
from services.api.http.body import BodyLimit, limit_body

GONE = {"type": "http.disconnect"}


def part(content, *, more=False):
    return {"type": "http.request", "body": content, "more_body": more}


def read(*messages, declared_bytes=0, max_bytes=10, seconds=5.0):
    """Ask for as many messages as there are, and return them."""

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


def test_body_within_its_bounds_is_handed_on():
    messages = (part(b"12345", more=True), part(b"67890"))

    assert read(*messages) == list(messages)


def test_more_bytes_than_allowed_are_refused_as_they_come():
    with pytest.raises(BodyTooLarge, match="at most 10 bytes"):
        read(part(b"123456", more=True), part(b"78901", more=True), part(b"never asked for"))


def test_declared_bytes_are_refused_before_the_first_is_read():
    with pytest.raises(BodyTooLarge, match="came with 11"):
        read(None, declared_bytes=11)


def test_body_that_does_not_come_is_refused():
    with pytest.raises(BodyTooSlow, match=r"whole after 0\.05 s"):
        read(part(b"1", more=True), None, seconds=0.05)


def test_client_that_disconnects_is_no_failure_of_ours():
    with pytest.raises(BodyCutShort):
        read(part(b"1", more=True), GONE)


def test_client_may_disconnect_after_its_body():
    assert read(part(b"1"), GONE)[1] == GONE
