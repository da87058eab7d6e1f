"""Requests that are answered without the application; the same connection serves both kinds."""

import time
from typing import NamedTuple

import pytest

from services.api.http.overload import Refusal
from services.api.process import fast_protocol
from tests.services.api.process.talking import ask, read_all, read_one
from tests.services.api.server_process.running import wait_until

HEAD = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\n"


class Held(NamedTuple):
    peer: str
    body_bytes: int


class FastPath:
    """Answers with the length of the body, unless a header or the body says to leave it to the application."""

    def __init__(self):
        self.begun = 0

    def begin(self, headers, peer):
        self.begun += 1
        return None if (b"x-leave", b"1") in headers else Held(peer, int(dict(headers)[b"content-length"]))

    def finish(self, request, body):
        assert request.peer == "127.0.0.1"
        if body.startswith(b"leave"):
            return None
        content = b"fast %d" % len(body)
        return b"content-length: %d\r\n\r\n%b" % (len(content), content)


@pytest.fixture
def fast():
    return FastPath()


@pytest.fixture
def connect(serve, fast):
    return serve(fast_path=fast)


def post(body, *, head=HEAD, length=None, more=b""):
    return head + more + b"Content-Length: %d\r\n\r\n" % (len(body) if length is None else length) + body


@pytest.mark.parametrize("size", [0, 1, 1000, 100_000])
@pytest.mark.parametrize("parts", [1, 2, 5])
def test_request_is_answered_however_it_is_cut(connect, size, parts):
    connection = connect()
    for _ in range(3):
        head, body = ask(connection, post(b"x" * size), parts=parts)
        assert body == b"fast %d" % size
        assert head.startswith(b"HTTP/1.1 200 OK\r\ndate: ")


@pytest.mark.parametrize("parts", [1, 2])
def test_head_behind_a_large_body_has_its_limit(connect, parts):
    connection = connect()
    too_large = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nX-Large: " + b"x" * 20_000

    head, body = ask(connection, post(b"x" * 100_000) + too_large, parts=parts)

    assert (head[:15], body) == (b"HTTP/1.1 200 OK", b"fast 100000")
    assert read_one(connection)[0].startswith(b"HTTP/1.1 431 ")


def test_what_it_does_not_answer_reaches_the_application_whole(connect):
    connection = connect()
    left = b"leave" + b"x" * 50_000

    assert ask(connection, post(left))[1] == b"/v1/predict 50005"
    assert ask(connection, post(b"abc"))[1] == b"fast 3"
    assert ask(connection, post(left), parts=4)[1] == b"/v1/predict 50005"
    assert ask(connection, post(b"abc", more=b"X-Leave: 1\r\n"))[1] == b"/v1/predict 3"
    assert ask(connection, post(b"abc"))[1] == b"fast 3"


@pytest.mark.parametrize(
    "request_bytes",
    [
        post(b"abc", head=b"POST /v1/predict?explain=true HTTP/1.1\r\nHost: localhost\r\n"),
        post(b"abc", head=b"PUT /v1/predict HTTP/1.1\r\nHost: localhost\r\n"),
        post(b"abc", head=b"POST /v1/predict/ HTTP/1.1\r\nHost: localhost\r\n"),
        post(b"abc", more=b"Connection: close\r\n"),
        post(b"abc", head=b"POST /v1/predict HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n"),
    ],
)
def test_other_requests_are_not_offered(connect, fast, request_bytes):
    ask(connect(), request_bytes)

    assert fast.begun == 0


def test_expected_continue_is_sent_by_the_application(connect, fast):
    connection = connect()
    connection.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert connection.recv(100).startswith(b"HTTP/1.1 100")
    connection.sendall(b"abc")

    assert read_one(connection)[1] == b"/v1/predict 3"
    assert fast.begun == 0


def test_pipelined_requests_are_answered_in_order(connect):
    connection = connect()
    slow = b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"
    connection.sendall(post(b"a") + slow + post(b"ab") + post(b"leave") + post(b"abc"))

    assert [read_one(connection)[1] for _ in range(5)] == [
        b"fast 1",
        b"/slow 0",
        b"/v1/predict 2",  # it waits for the slow one, so the application answers
        b"/v1/predict 5",
        b"/v1/predict 3",
    ]


def test_body_that_does_not_arrive_reaches_the_application(connect, monkeypatch):
    monkeypatch.setattr(fast_protocol, "HELD_SECONDS", 0)
    connection = connect()
    connection.sendall(post(b"abc", length=6))
    time.sleep(2.5)  # two checks of the timeouts
    connection.sendall(b"def")

    assert read_one(connection)[1] == b"/v1/predict 6"
    assert ask(connection, post(b"abc"))[1] == b"fast 3"


def test_client_that_leaves_half_way_is_forgotten(connect):
    connection = connect()
    connection.sendall(post(b"abc", length=6))
    connection.close()

    wait_until(lambda: not connect.connections._open)


def test_idle_connection_is_closed_after_a_fast_answer(serve, fast):
    connection = serve(fast_path=fast, keep_alive=1)()
    ask(connection, post(b"abc"))

    assert read_all(connection) == b""


def test_half_a_head_after_a_fast_answer_times_out(serve, fast):
    connection = serve(fast_path=fast, head_seconds=1)()
    ask(connection, post(b"abc"))
    connection.sendall(HEAD)

    assert read_all(connection).startswith(b"HTTP/1.1 408")


def test_too_large_head_is_refused(serve, fast):
    connection = serve(fast_path=fast, head_bytes=1024)()

    assert b" 431 " in ask(connection, post(b"abc", more=b"X: " + b"x" * 2000 + b"\r\n"))[0]
    assert fast.begun == 0


def test_connection_beyond_the_limit_is_not_offered(serve, fast):
    connect = serve(fast_path=fast, connections=1)
    first = connect()
    ask(first, post(b"abc"))

    assert b" 503 " in ask(connect(), post(b"abc"))[0]
    assert fast.begun == 1


class AlwaysOverloaded:
    """Refuses every prediction, unless a header says to leave it: the limit of time is always exceeded."""

    max_seconds = -1

    def __init__(self):
        self.sent = 0

    def concerns(self, url):
        return url.startswith(b"/v1/predict")

    def refuse(self, url, headers):
        assert url.startswith(b"/v1/predict")
        length = int(dict(headers)[b"content-length"])
        return None if (b"x-leave", b"1") in headers else Refusal(b"content-length: 4\r\n\r\nbusy", self.count, length)

    def count(self):
        self.sent += 1


def test_overloaded_worker_refuses_predictions_only(serve, fast):
    overload = AlwaysOverloaded()
    connection = serve(fast_path=fast, overload=overload)()

    for parts in (1, 3):
        head, body = ask(connection, post(b"x" * 1000), parts=parts)
        assert (head.split(b"\r\n")[0], body) == (b"HTTP/1.1 503 Service Unavailable", b"busy")
    assert ask(connection, b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")[1] == b"/readyz 0"
    assert ask(connection, post(b"abc", more=b"X-Leave: 1\r\n"))[1] == b"/v1/predict 3"
    assert (overload.sent, fast.begun) == (2, 1)


def test_overloaded_worker_refuses_without_a_fast_path(serve):
    assert ask(serve(overload=AlwaysOverloaded())(), post(b"abc"))[1] == b"busy"


def test_refused_body_that_does_not_arrive_reaches_the_application(serve, monkeypatch):
    overload = AlwaysOverloaded()
    monkeypatch.setattr(fast_protocol, "HELD_SECONDS", 0)
    connection = serve(overload=overload)()
    connection.sendall(post(b"abc", length=6))
    time.sleep(2.5)  # two checks of the timeouts
    connection.sendall(b"def")

    assert read_one(connection)[1] == b"/v1/predict 6"
    assert overload.sent == 0


def test_worker_that_is_in_time_refuses_nothing(serve, fast):
    overload = AlwaysOverloaded()
    overload.max_seconds = 60

    assert ask(serve(fast_path=fast, overload=overload)(), post(b"abc"))[1] == b"fast 3"
