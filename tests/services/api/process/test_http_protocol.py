"""Limits of one connection: raw sockets against uvicorn with this protocol and an app that returns what it read."""

import select
import socket
import time

import pytest

from services.api.metrics.counters import CONNECTION_REFUSALS
from services.api.process.connections import PROBE_CONNECTIONS
from services.api.process.http_protocol import MAX_CHUNKS, MAX_PIPELINED
from tests.services.api.process.talking import ask, read_all, read_one
from tests.services.api.server_process.running import wait_until

HOST = b"Host: localhost\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST / HTTP/1.1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def status(answer):
    head = answer[0] if isinstance(answer, tuple) else answer
    return int(head.split()[1])


def flood(connection, piece, limit):
    """Send a piece repeatedly while the server accepts it; return the number of accepted bytes."""
    sent = 0
    connection.settimeout(5)
    try:
        while sent < limit:
            sent += connection.send(piece)
    except OSError:
        pass
    return sent


# --- the size of a head ---


@pytest.mark.parametrize("begin", [GET + b"X: ", b"GET /", GET + b"X", GET], ids=["value", "target", "name", "fields"])
def test_endless_headers_are_refused_early(serve, begin):
    connection = serve(head_bytes=4096)()
    piece = b"a: b\r\n" * 200 if begin == GET else b"a" * 1000

    connection.sendall(begin)
    flood(connection, piece, 100_000)
    answer = read_all(connection)

    assert status(answer) == 431
    assert b"connection: close" in answer
    assert b'"code":"head_too_large"' in answer
    assert b"at most 4,096 bytes of request line and headers, and 100 headers" in answer


def sized(number):
    """A request line and headers of this size as the limit counts it: the target, and names and values plus 4 each."""
    bare = len("/") + len("Host") + len("localhost") + 4 + len("X") + 4
    return GET + b"X: " + b"x" * (number - bare) + b"\r\n\r\n"


@pytest.mark.parametrize("parts", [1, 2, 7, 40])
def test_headers_of_the_limit_are_served_and_one_byte_more_is_refused(serve, parts):
    connect = serve(head_bytes=4096)

    assert status(ask(connect(), sized(4096), parts=parts)) == 200
    assert status(ask(connect(), sized(4097), parts=parts)) == 431


@pytest.mark.parametrize("parts", [1, 5])
def test_number_of_headers_is_limited(serve, parts):
    connect = serve(head_fields=20)

    def head(number):
        return GET + b"a: b\r\n" * (number - 1) + b"\r\n"

    assert status(ask(connect(), head(20), parts=parts)) == 200
    assert status(ask(connect(), head(21), parts=parts)) == 431


def test_refusal_has_the_error_format_of_the_path(serve):
    connect = serve(head_fields=3)
    many = b" HTTP/1.1\r\n" + HOST + b"a: b\r\n" * 4 + b"\r\n"

    v1, v2 = ask(connect(), b"GET /v1/model" + many), ask(connect(), b"GET /v2/models/m/infer?x=1" + many)

    assert (status(v1), status(v2)) == (431, 431)
    assert b"content-type: application/problem+json" in v1[0]
    assert b"content-type: application/json" in v2[0]
    assert v2[1].startswith(b'{"error":"send at most ')


@pytest.mark.parametrize(
    ("version", "expected"), [(b"0.9", 400), (b"1.0", 200), (b"1.1", 200), (b"1.2", 400), (b"2.0", 400)]
)
def test_other_versions_of_http_are_refused(serve, version, expected):
    assert status(ask(serve()(), GET.replace(b"1.1", version) + b"\r\n")) == expected


def test_second_request_on_a_connection_has_the_same_limits(serve):
    connection = serve(head_bytes=4096)()

    assert status(ask(connection, GET + b"\r\n")) == 200
    assert status(ask(connection, sized(4097))) == 431


def test_large_body_does_not_count_as_headers(serve):
    body = b"x" * 500_000

    _, text = ask(serve(head_bytes=4096)(), POST + b"Content-Length: 500000\r\n\r\n" + body)

    assert text == b"/ 500000"


def test_request_right_after_a_large_body_is_parsed(serve):
    first = POST + b"Content-Length: 50000\r\n\r\n" + b"x" * 50_000
    connection = serve(head_bytes=4096)()
    connection.sendall(first + GET[:10])
    assert read_one(connection)[1] == b"/ 50000"

    assert ask(connection, GET[10:] + b"\r\n")[1] == b"/ 0"


# --- chunked bodies ---


@pytest.mark.parametrize("size", [1, 1000, 60_000])
def test_chunked_body_of_any_size_is_read(serve, size):
    chunk = b"%x\r\n%s\r\n" % (size, b"x" * size)

    _, text = ask(serve(head_bytes=1024)(), CHUNKED + chunk * 5 + b"0\r\nX-Trailer: 1\r\n\r\n")

    assert text == f"/ {5 * size}".encode()


@pytest.mark.parametrize(
    ("begin", "piece"),
    [(b"0\r\nX: ", b"a" * 1000), (b"0\r\n", b"a: b\r\n" * 100), (b"1;a=", b"a" * 1000), (b"1\r\na\r\n0;", b"a" * 1000)],
    ids=["trailer", "trailers", "extension", "extension of the last"],
)
def test_endless_trailer_or_chunk_extension_is_refused_and_the_app_is_notified(serve, app, begin, piece):
    connection = serve(head_bytes=4096)()

    connection.sendall(CHUNKED + begin)
    flood(connection, piece, 100_000)

    assert status(read_all(connection)) == 431
    wait_until(lambda: app.cut_short == 1)


def test_body_in_too_many_chunks_is_refused(serve):
    connection = serve()()
    connection.sendall(CHUNKED + b"1\r\na\r\n" * (MAX_CHUNKS + 1))

    assert status(read_all(connection)) == 400


# --- time ---


@pytest.mark.parametrize("begin", [b"G", GET, GET + b"X: a"])
def test_incomplete_headers_time_out_with_408(serve, begin):
    connection = serve(head_seconds=1)()
    connection.sendall(begin)

    answer = read_all(connection)

    assert status(answer) == 408
    assert b"must be complete within 1 s" in answer


def test_headers_sent_byte_by_byte_have_the_same_timeout(serve):
    connection = serve(head_seconds=1)()
    connection.sendall(GET)
    for _ in range(100):
        connection.send(b"a")
        if select.select([connection], [], [], 0.1)[0]:
            break

    assert status(connection.recv(100)) == 408


def test_silent_connection_is_closed_without_a_response(serve):
    assert read_all(serve(head_seconds=1)()) == b""


def test_blank_lines_do_not_keep_a_connection_open(serve):
    connection = serve(head_seconds=1)()
    assert status(ask(connection, GET + b"\r\n")) == 200
    connection.sendall(b"\r\n")

    assert read_all(connection) == b""


def test_idle_connection_outlives_the_header_timeout(serve):
    connection = serve(head_seconds=1, keep_alive=30)()
    assert status(ask(connection, GET + b"\r\n")) == 200
    time.sleep(3)

    assert status(ask(connection, GET + b"\r\n")) == 200


def test_unread_body_is_aborted(serve):
    connection = serve(body_seconds=1)()
    head, _ = ask(connection, POST.replace(b"/", b"/early", 1) + b"Content-Length: 1000\r\n\r\nx")
    assert status(head) == 200

    assert read_all(connection) in (b"", b"<reset>")


def test_connection_is_kept_after_an_unread_body(serve):
    connection = serve(head_seconds=1)()
    early = POST.replace(b"/", b"/early", 1) + b"Content-Length: 4\r\n\r\n"
    assert ask(connection, early)[1] == b"/early 0"
    connection.sendall(b"body")
    time.sleep(2.5)

    assert status(ask(connection, GET + b"\r\n")) == 200


def test_client_that_does_not_read_a_refusal_is_aborted(serve):
    connect = serve(head_bytes=1024)
    connection = connect()
    connection.sendall(GET + b"X: " + b"a" * 3000)

    wait_until(lambda: not connect.connections._open)


# --- what is counted ---


@pytest.fixture
def refused(serve):
    """Serve with limits; return how to connect, and the counted reasons."""

    def start(**limits):
        connect, reasons = serve(**limits), []
        connect.connections.count_refused = reasons.append
        return connect, reasons

    return start


@pytest.mark.parametrize(
    ("limits", "sent", "reason"),
    [
        ({"head_bytes": 1024}, sized(2000), "head_too_large"),
        ({"head_seconds": 1}, GET, "head_too_slow"),
        ({}, b"\x16\x03\x01 this is TLS\r\n\r\n", "malformed_request"),
        ({"connections": 1}, GET + b"\r\n", "too_many_connections"),
        ({"connections_per_client": 1, "trusted_proxies": ""}, GET + b"\r\n", "too_many_connections_of_client"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused_connection_is_counted_once_by_its_reason(refused, limits, sent, reason):
    connect, reasons = refused(**limits)
    held = connect() if reason.startswith("too_many") else None
    wait_until(lambda: held is None or connect.connections._open)

    connection = connect()
    connection.sendall(sent)
    read_all(connection)

    assert reasons == [reason]
    assert reason in CONNECTION_REFUSALS


def test_aborted_connection_is_counted(refused):
    connect, reasons = refused(connections=1, head_seconds=60)
    held = [connect() for _ in range(1 + PROBE_CONNECTIONS)]
    wait_until(lambda: len(connect.connections._open) == len(held))

    assert read_all(connect()) in (b"", b"<reset>")
    assert reasons[:1] == ["too_many_connections"]


def test_excess_probe_and_silent_connection_are_not_counted(refused):
    connect, reasons = refused(connections=1, head_seconds=1)
    silent = connect()
    wait_until(lambda: connect.connections._open)

    assert status(ask(connect(), b"GET /readyz HTTP/1.1\r\n" + HOST + b"\r\n")) == 200
    assert read_all(silent) == b""
    assert reasons == []


# --- what clients rightly do ---


def test_pipelined_requests_are_answered_in_order(serve):
    connection = serve()()
    connection.sendall(b"".join(b"GET /%d HTTP/1.1\r\n" % number + HOST + b"\r\n" for number in range(5)))

    assert [read_one(connection)[1] for _ in range(5)] == [f"/{number} 0".encode() for number in range(5)]


def test_too_many_pipelined_requests_are_refused(serve):
    connection = serve()()
    connection.sendall((b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n") * 100)

    answer = read_all(connection)

    assert answer.count(b"HTTP/1.1 200") == 1 + MAX_PIPELINED
    assert answer.count(b"HTTP/1.1") == 1 + MAX_PIPELINED
    assert answer.count(b"connection: close") == 1
    assert answer.rindex(b"connection: close") > answer.rindex(b"HTTP/1.1")


def test_refusal_does_not_interrupt_an_earlier_response(serve):
    connection = serve(head_bytes=1024)()
    connection.sendall(b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n" + GET + b"X: " + b"a" * 3000)

    answer = read_all(connection)

    assert answer.count(b"HTTP/1.1") == 1
    assert answer.endswith(b"/slow 0")
    assert b"connection: close" in answer


def test_expect_100_continue_is_answered(serve):
    connection = serve()()
    connection.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"

    assert ask(connection, b"abc")[1] == b"/ 3"


def test_http_1_0_is_answered_and_closed(serve):
    connection = serve()()
    connection.sendall(b"GET / HTTP/1.0\r\n\r\n")

    answer = read_all(connection)

    assert status(answer) == 200
    assert b"connection: close" in answer


@pytest.mark.parametrize("garbage", [b"\x16\x03\x01\x02\x00\x01", b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"])
def test_non_http_is_refused(serve, garbage):
    connection = serve()()
    connection.sendall(garbage)

    assert status(read_all(connection)) == 400


def test_protocol_upgrade_is_ignored(serve):
    connection = serve()()
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n"

    assert status(ask(connection, GET + offer)) == 200
    assert status(ask(connection, GET + b"\r\n")) == 200


def test_data_after_an_upgrade_request_is_not_parsed(serve):
    connection = serve()()
    offer = b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 30\r\n\r\n"
    connection.sendall(POST + offer + b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n")

    answer = read_all(connection)

    assert answer.count(b"HTTP/1.1") == 1
    assert b"smuggled" not in answer


# --- number ---


def test_connections_beyond_the_limit_get_503_and_probes_are_answered(serve):
    connect = serve(connections=3)
    kept = [connect() for _ in range(3)]
    assert [status(ask(one, GET + b"\r\n")) for one in kept] == [200] * 3

    head, body = ask(connect(), GET + b"\r\n")
    assert status(head) == 503
    assert b"retry-after: 1" in head and b"connection: close" in head
    assert b'"code":"too_many_connections"' in body
    assert status(ask(connect(), b"GET /readyz HTTP/1.1\r\n" + HOST + b"\r\n")) == 200
    kept.pop().close()
    wait_until(lambda: len(connect.connections._open) == 2)
    assert status(ask(connect(), GET + b"\r\n")) == 200


def test_connections_far_beyond_the_limit_are_aborted(serve):
    connect = serve(connections=1, head_seconds=60)
    held = [connect() for _ in range(1 + PROBE_CONNECTIONS)]
    wait_until(lambda: len(connect.connections._open) == len(held))

    assert read_all(connect()) in (b"", b"<reset>")
    wait_until(lambda: len(connect.connections._open) == 1)  # those beyond the limit have two seconds


def test_one_client_cannot_take_all_connections(serve):
    connect = serve(connections=10, connections_per_client=2, trusted_proxies="10.0.0.0/8")

    answers = [status(ask(connect(), GET + b"\r\n")) for _ in range(3)]

    assert answers == [200, 200, 503]


def test_trusted_proxy_has_only_the_total_limit(serve):
    connect = serve(connections=10, connections_per_client=2, trusted_proxies="127.0.0.0/8")

    assert [status(ask(connect(), GET + b"\r\n")) for _ in range(5)] == [200] * 5


def test_client_that_closes_its_side_gets_no_response_and_causes_no_error(serve, caplog):
    connect = serve()
    connection = connect()
    connection.sendall(GET.replace(b"/", b"/slow", 1) + b"\r\n")
    wait_until(lambda: any(one.cycle for one in connect.connections._open))
    connection.shutdown(socket.SHUT_WR)

    assert read_all(connection) == b""
    time.sleep(0.7)  # the application writes its response
    assert caplog.text == ""
