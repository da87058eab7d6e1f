"""What is read without the parser must mean the same to the parser: one request, of this length, on a connection that
stays open."""

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.http.plain_head import MAX_BYTES, MAX_FIELDS, read_plain_head

START = b"POST /v1/predict HTTP/1.1\r\n"
LENGTH = b"Content-Length: 3\r\n"
FIELDS = [
    b"Host: localhost\r\n",
    b"Authorization: Bearer ey.J-_.x\r\n",
    b"Accept-Encoding:gzip\r\n",
    b"X-Empty:\r\n",
    b"X-Text: \xc3\xa4 \t,\r\n",
    b"Connection: keep-alive\r\n",
    b"connection: Keep-Alive \r\n",
    b"X-Vegeta-Seq: 17\r\n",
    LENGTH,
    b"CONTENT-LENGTH:  3 \r\n",
    b"X-Request-ID: one_.-1\r\n",
]
UNUSUAL = [
    b"Connection: close\r\n",
    b"Connection: keep-alive, close\r\n",
    b"Connection: upgrade\r\n",
    b"Upgrade: websocket\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"transfer-encoding : chunked\r\n",
    b"Expect: 100-continue\r\n",
    b"Content-Length: 3, 3\r\n",
    b"Content-Length: +3\r\n",
    b"Content-Length: 0x3\r\n",
    b"Content-Length: \r\n",
    b"Content-Length : 3\r\n",
    b" Content-Length: 3\r\n",
    b"X-Folded: a\r\n b\r\n",
    b"X-Bare: a\nTransfer-Encoding: chunked\r\n",
    b"X-Return: a\rb\r\n",
    b"X-Zero: a\x00b\r\n",
    b"No colon\r\n",
    b": no name\r\n",
    b"X Space: a\r\n",
    b"X-Request-ID: two words\r\n",
    b"X-Request-ID: " + b"a" * 65 + b"\r\n",
]


class Parsed:
    """What the parser makes of a request."""

    def __init__(self, data):
        self.headers, self.complete, self.body = [], 0, b""
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(data)

    def on_header(self, name, value):
        self.headers.append((name.lower(), value))

    def on_body(self, body):
        self.body += body

    def on_message_complete(self):
        self.complete += 1
        self.keeps_alive = self._parser.should_keep_alive()


def read(*fields):
    head = START + b"".join(fields) + b"\r\n"
    return head, read_plain_head(head + b"abc", len(head))


def test_length_and_id_are_read():
    assert read(*FIELDS[:8], LENGTH)[1] == (b"3", b"")
    assert read(LENGTH, FIELDS[-1], FIELDS[0])[1] == (b"3", b"one_.-1")
    assert read(FIELDS[-1], FIELDS[0], LENGTH, FIELDS[1])[1] == (b"3", b"one_.-1")


@pytest.mark.parametrize("field", UNUSUAL)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_is_unusual_is_left_to_the_parser(field, place):
    fields = [FIELDS[0], LENGTH]
    fields.insert(place, field)

    assert read(*fields)[1] is None


@pytest.mark.parametrize("fields", [[], FIELDS[:8], [LENGTH, LENGTH], [LENGTH, *FIELDS[-1:] * 2]])
def test_exactly_one_length_and_at_most_one_id_are_accepted(fields):
    assert read(*fields)[1] is None


@pytest.mark.parametrize(
    "start",
    [
        b"GET /v1/predict HTTP/1.1\r\n",
        b"POST /v1/predict HTTP/1.0\r\n",
        b"POST /v1/predict?explain=true HTTP/1.1\r\n",
        b"POST  /v1/predict HTTP/1.1\r\n",
        b"POST /v1/predict HTTP/1.1\n",
    ],
)
def test_other_request_lines_are_left_to_the_parser(start):
    head = start + LENGTH + b"\r\n"

    assert read_plain_head(head, len(head)) is None


def test_large_heads_are_left_to_the_parser():
    assert read(LENGTH, b"X-Large: %b\r\n" % (b"a" * MAX_BYTES))[1] is None
    assert read(LENGTH, *[b"A: b\r\n"] * MAX_FIELDS)[1] is None
    assert read(LENGTH, *[b"A: b\r\n"] * (MAX_FIELDS - 3))[1] is not None


@given(st.lists(st.sampled_from(FIELDS + UNUSUAL) | st.binary(max_size=12), max_size=6))
def test_parser_agrees_with_what_is_read(fields):
    head, found = read(*fields)
    if found is None:
        return

    parsed = Parsed(head + b"x" * int(found.length))

    assert (parsed.complete, parsed.body, parsed.keeps_alive) == (1, b"x" * int(found.length), True)
    assert [value.strip() for name, value in parsed.headers if name == b"x-request-id"] in ([found.request_id], [])
    assert not {b"transfer-encoding", b"expect", b"upgrade"} & {name for name, _ in parsed.headers}
