"""Requests that are answered without the application; the same connection serves both kinds."""

import time

import pytest

from services.api.http.fast_path import FastPath as RealFastPath
from services.api.http.fast_path import FastRequest, KnownHead
from services.api.http.overload import Refusal
from services.api.process import fast_protocol
from tests.services.api.process.talking import ask, read_all, read_one
from tests.services.api.server_process.running import wait_until

HEAD = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\n"


def known_head(length, request_id=""):
    return KnownHead(token=None, request_id=request_id, forwarded=None, body_bytes=length)


class FastPath:
    """Answers with the length of the body, unless a header or the body says to leave it to the application."""

    remember = RealFastPath.remember

    def __init__(self):
        self.begun = self.recalled = 0
        self.are_valid = True
        self._heads = {}

    def begin(self, headers, peer):
        self.begun += 1
        fields = dict(headers)
        if b"x-leave" in fields:
            return None
        return self.start(known_head(int(fields[b"content-length"]), fields.get(b"x-request-id", b"").decode()), peer)

    def start(self, head, peer):
        return FastRequest(head, "id", peer, 0.0)

    def recall(self, digest):
        found = self._heads.get(digest) if self.are_valid else None
        self.recalled += found is not None
        return found

    def finish(self, request, body):
        assert request.address == "127.0.0.1"
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

    def refuse(self, url, headers, *, waited):
        assert url.startswith(b"/v1/predict") and waited >= 0
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
    assert ask(connection, post(b"abc", more=b"X-Leave: 1\r\n"), parts=2)[1] == b"/v1/predict 3"
    assert (overload.sent, fast.begun) == (2, 1)


def test_request_that_arrived_whole_is_refused_without_a_parser(serve, fast, monkeypatch):
    overload = AlwaysOverloaded()
    connection = serve(fast_path=fast, overload=overload)()
    monkeypatch.setattr(fast_protocol.FastHttpProtocol, "on_headers_complete", None)  # the parser would call it

    for _ in range(3):
        assert ask(connection, post(b"x" * 50_000, more=b"X-Seq: 1\r\n"))[1] == b"busy"
    assert (overload.sent, fast.begun) == (3, 0)


@pytest.mark.parametrize("more", [b"Connection: close\r\n", b"Content-Length: 3\r\n"])
def test_unusual_request_is_left_to_the_parser_in_overload_too(serve, more):
    overload = AlwaysOverloaded()

    head, _ = ask(serve(overload=overload)(), post(b"abc", more=more))

    assert not head.startswith(b"HTTP/1.1 503")
    assert overload.sent == 0


def test_two_requests_at_once_are_both_refused(serve):
    overload = AlwaysOverloaded()
    connection = serve(overload=overload)()
    connection.sendall(post(b"abc") + post(b"defg"))

    assert [read_one(connection)[1] for _ in range(2)] == [b"busy", b"busy"]
    assert overload.sent == 2


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


# --- a head that was parsed before ---


def test_head_is_parsed_once(connect, fast):
    first, second = connect(), connect()

    for connection in (first, second, first, second):
        assert ask(connection, post(b"abc"))[1] == b"fast 3"
    assert (fast.begun, fast.recalled) == (1, 3)


@pytest.mark.parametrize("parts", [2, 5])
def test_request_in_parts_is_parsed(connect, fast, parts):
    connection = connect()
    for _ in range(3):
        assert ask(connection, post(b"x" * 1000), parts=parts)[1] == b"fast 1000"
    assert (fast.begun, fast.recalled) == (3, 0)


def test_head_with_an_id_is_parsed_every_time(connect, fast):
    connection = connect()
    for _ in range(3):
        ask(connection, post(b"abc", more=b"X-Request-ID: mine\r\n"))
    assert (fast.begun, fast.recalled) == (3, 0)


def test_head_that_is_no_longer_valid_is_parsed(connect, fast):
    connection = connect()
    ask(connection, post(b"abc"))
    fast.are_valid = False

    assert ask(connection, post(b"abc"))[1] == b"fast 3"
    assert (fast.begun, fast.recalled) == (2, 0)


def test_any_other_byte_in_the_head_makes_it_another_one(connect, fast):
    connection = connect()
    ask(connection, post(b"abc"))

    assert ask(connection, post(b"abc", head=HEAD.replace(b"Host", b"host")))[1] == b"fast 3"
    assert ask(connection, post(b"abc", more=b"X-Leave: 1\r\n"))[1] == b"/v1/predict 3"
    assert ask(connection, post(b"abc", head=HEAD.replace(b"1.1", b"1.0")))[1] == b"/v1/predict 3"
    assert (fast.begun, fast.recalled) == (3, 0)


def test_known_head_with_less_or_more_than_its_body_is_parsed(connect, fast):
    connection = connect()
    ask(connection, post(b"abc"))
    connection.sendall(post(b"ab", length=3))
    time.sleep(0.1)
    connection.sendall(b"c" + post(b"abc"))  # the rest, and a request that begins in the same bytes
    assert [read_one(connection)[1] for _ in range(2)] == [b"fast 3"] * 2
    connection.sendall(post(b"abc") + post(b"abc"))
    assert [read_one(connection)[1] for _ in range(2)] == [b"fast 3"] * 2
    assert fast.begun == 5

    assert ask(connection, post(b"abc"))[1] == b"fast 3"
    assert fast.begun == 5


def test_empty_lines_before_a_request_are_not_taken_for_its_head(connect, fast):
    connection = connect()
    assert ask(connection, b"\r\n\r\n" + post(b"abc"))[1] == b"fast 3"
    assert not fast._heads

    assert ask(connection, post(b"abc"))[1] == b"fast 3"
    assert (fast.begun, fast.recalled) == (2, 0)


def test_known_head_with_a_body_for_the_application_reaches_it(connect, fast):
    connection = connect()
    ask(connection, post(b"x" * 10))

    assert ask(connection, post(b"leave" + b"x" * 5))[1] == b"/v1/predict 10"
    assert ask(connection, post(b"x" * 10))[1] == b"fast 10"
    assert (fast.begun, fast.recalled) == (2, 2)


def test_known_head_waits_for_an_earlier_response(connect, fast):
    connection = connect()
    ask(connection, post(b"abc"))
    connection.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
    time.sleep(0.05)
    connection.sendall(post(b"abc"))

    assert [read_one(connection)[1] for _ in range(2)] == [b"/slow 0", b"/v1/predict 3"]
    assert fast.recalled == 0


def test_connection_stays_open_while_known_heads_arrive(serve, fast):
    connection = serve(fast_path=fast, keep_alive=1)()
    for _ in range(5):
        assert ask(connection, post(b"abc"))[1] == b"fast 3"
        time.sleep(0.6)

    assert fast.recalled == 4
    assert read_all(connection) == b""  # now it is idle


def test_body_that_follows_a_known_head_slowly_is_not_an_idle_connection(serve, fast):
    connection = serve(fast_path=fast, keep_alive=1)()
    for _ in range(2):
        ask(connection, post(b"abc"))
    connection.sendall(post(b"abc", length=6))
    time.sleep(2.5)  # two checks of the timeouts
    connection.sendall(b"def")

    assert read_one(connection)[1] == b"fast 6"
    assert fast.recalled == 1


def test_half_a_head_after_a_known_one_times_out(serve, fast):
    connection = serve(fast_path=fast, head_seconds=1)()
    for _ in range(2):
        ask(connection, post(b"abc"))
    connection.sendall(HEAD)

    assert read_all(connection).startswith(b"HTTP/1.1 408")
    assert fast.recalled == 1


def test_overloaded_worker_refuses_a_known_head_too(serve, fast):
    overload = AlwaysOverloaded()
    overload.max_seconds = 60
    connection = serve(fast_path=fast, overload=overload)()
    ask(connection, post(b"abc"))
    overload.max_seconds = -1

    assert ask(connection, post(b"abc"))[1] == b"busy"
    assert (overload.sent, fast.begun, fast.recalled) == (1, 1, 0)
