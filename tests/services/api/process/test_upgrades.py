import pytest

from services.api.process.upgrades import without_upgrade
from tests.services.api.process.talking import ask, read_one

OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
HEAD = b"POST /a?b=c HTTP/1.1\r\nHost: localhost\r\n"


def test_other_fields_and_options_are_kept():
    headers = [(b"host", b"a"), (b"connection", b"close , Upgrade"), (b"upgrade", b"h2c"), (b"x", b"y, upgrade")]

    assert without_upgrade(b"PUT", b"/a?b", "1.1", headers) == (
        b"PUT /a?b HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx: y, upgrade\r\n\r\n"
    )


@pytest.mark.parametrize("parts", [1, 2, 7])
@pytest.mark.parametrize(
    "rest",
    [b"Content-Length: 50000\r\n\r\n" + b"x" * 50_000, b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
)
def test_body_of_a_request_with_an_offer_is_read_and_the_connection_is_kept(serve, parts, rest):
    connection = serve()()
    size = 5 if b"hello" in rest else 50_000

    for _ in range(2):
        assert ask(connection, HEAD + OFFER + rest, parts=parts)[1] == b"/a %d" % size
    assert ask(connection, HEAD + b"Content-Length: 1\r\n\r\nx")[1] == b"/a 1"


def test_requests_behind_an_offer_are_answered_in_order(serve):
    connection = serve()()
    connection.sendall(HEAD + OFFER + b"Content-Length: 2\r\n\r\nab" + HEAD + b"Content-Length: 1\r\n\r\nx")

    assert [read_one(connection)[1] for _ in range(2)] == [b"/a 2", b"/a 1"]


@pytest.mark.parametrize("rest", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"])
def test_tunnel_is_refused_and_nothing_behind_it_is_answered(serve, rest):
    connection = serve()()

    head, _ = ask(connection, b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n" + rest)

    assert b" 400 " in head and b"connection: close" in head
    assert connection.recv(100) == b""
