"""What is repeated, against servers that fail for a moment."""

import asyncio
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler

import httpx
import pytest
from tenacity import Future, RetryCallState, Retrying

from espalier import ApiProblem, AsyncClient
from espalier.client import ApiUnreachable, Retries, UnexpectedAnswer, retries
from espalier.client.retries import is_temporary
from tests.http_server import serving

OK = {"name": "orchard"}


class Failing:
    """Answers in turn with each of ``answers``: a status, a status with headers, or None to hang up."""

    def __init__(self, *answers):
        self.answers, self.times = list(answers), []

    def handler(self, *arguments):
        failing = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                failing.times.append(time.monotonic())
                answer = failing.answers.pop(0) if failing.answers else 200
                if answer is None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                status, headers = answer if isinstance(answer, tuple) else (answer, {})
                content = json.dumps(OK if status == 200 else {"detail": "later", "code": "busy"}).encode()
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET

            def log_message(self, *args):
                pass

        return Handler(*arguments)


@pytest.fixture
def fail():
    """Start a server; gives its URL and what it was asked."""
    opened = []

    def start(*answers):
        failing = Failing(*answers)
        context = serving(failing.handler)
        opened.append(context)
        return context.__enter__(), failing

    yield start
    for context in opened:
        context.__exit__(None, None, None)


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(retries, "_jitter", lambda _: 0.01)


@pytest.mark.parametrize("failure", [429, 502, 503, 504, None])
def test_temporary_failures_are_repeated(fail, connect, failure):
    url, failing = fail(failure, failure)

    assert connect(url, token="t", retries=Retries(attempts=3)).model() == OK
    assert len(failing.times) == 3


@pytest.mark.parametrize("failure", [400, 401, 403, 404, 415, 422, 500])
def test_other_failures_are_not_repeated(fail, connect, failure):
    url, failing = fail(failure)

    with pytest.raises(ApiProblem, match=str(failure)):
        connect(url, token="t", retries=Retries(attempts=3)).model()
    assert len(failing.times) == 1


def test_attempts_are_bounded(fail, connect):
    url, failing = fail(*[503] * 10)

    with pytest.raises(ApiProblem) as caught:
        connect(url, token="t", retries=Retries(attempts=4)).model()
    assert (caught.value.status, caught.value.code, len(failing.times)) == (503, "busy", 4)


def test_time_is_bounded(fail, connect):
    url, failing = fail(*[503] * 1000)

    with pytest.raises(ApiProblem):
        connect(url, token="t", retries=Retries(attempts=1000, seconds=0.3)).model()
    assert failing.times[-1] - failing.times[0] < 0.3
    assert len(failing.times) > 1


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_respected(fail, connect, status):
    url, failing = fail((status, {"Retry-After": "1"}))

    connect(url, token="t", retries=Retries(attempts=2)).model()

    assert failing.times[1] - failing.times[0] >= 1


def test_longer_retry_after_than_the_patience_is_reported_at_once(fail, connect):
    url, failing = fail((429, {"Retry-After": "3600"}))

    with pytest.raises(ApiProblem) as caught:
        connect(url, token="t", retries=Retries(attempts=5, seconds=60)).model()
    assert (caught.value.retry_after_seconds, len(failing.times)) == (3600, 1)


def test_lost_connections_are_reported_in_the_end(fail, connect):
    url, failing = fail(*[None] * 5)

    with pytest.raises(ApiUnreachable, match="did not answer"):
        connect(url, token="t", retries=Retries(attempts=2)).model()
    assert len(failing.times) == 2


def test_api_that_starts_late_is_reached(connect):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    asked = []

    def start():
        time.sleep(0.3)
        with socket.create_server(("127.0.0.1", port)) as server:
            connection, _ = server.accept()
            with connection:
                asked.append(connection.recv(4096))
                connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{"name": "orchard"}')

    thread = threading.Thread(target=start)
    thread.start()
    found = connect(f"http://127.0.0.1:{port}", token="t", retries=Retries(attempts=500, seconds=20)).model()
    thread.join()

    assert found == OK
    assert len(asked) == 1


@pytest.mark.parametrize("failure", [503, None])
def test_asynchronous_client_repeats_too(fail, failure):
    url, failing = fail(failure, failure)

    async def use():
        async with AsyncClient(url, token="t", retries=Retries(attempts=3)) as client:
            return await client.model()

    assert asyncio.run(use()) == OK
    assert len(failing.times) == 3


def test_failed_login_is_repeated(fail, connect):
    url, failing = fail(503)

    with pytest.raises(UnexpectedAnswer, match="no access_token"):  # the server's second answer is no token
        connect(url, retries=Retries(attempts=3)).log_in()
    assert len(failing.times) == 2


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (httpx.ConnectError("refused"), True),
        (httpx.ReadTimeout("slow"), True),
        (httpx.RemoteProtocolError("cut"), True),
        (httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]"), False),
        (httpx.UnsupportedProtocol("ftp"), False),
        (ValueError("ours"), False),
    ],
    ids=repr,
)
def test_errors_that_may_pass(error, expected):
    assert is_temporary(error) == expected


def test_waits_are_random_and_grow(monkeypatch):
    monkeypatch.undo()

    def waits(attempt):
        state = RetryCallState(Retrying(), None, (), {})
        state.attempt_number, state.outcome = attempt, Future(attempt)
        state.outcome.set_exception(httpx.ConnectError("refused"))
        return [retries._wait(state) for _ in range(300)]

    for attempt, bound in ((1, 0.5), (2, 1), (3, 2), (10, 10)):
        found = waits(attempt)
        assert 0 <= min(found) < 0.2 * bound
        assert 0.8 * bound < max(found) <= bound
