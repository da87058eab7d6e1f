"""A worker that cannot keep up refuses predictions that would wait too long, and answers everything else."""

import json
import os
import signal
import socket

import httpx
import pytest

from tests.services.api.process.talking import read_one
from tests.services.api.server_process.running import PREDICT, scrape, summed, wait_until_ready, workers_of

REQUESTS = 60
ROWS = 200
"""Of each request: all of them together take much longer than the limit, however fast the machine is."""

LIMIT_SECONDS = "0.001"


@pytest.fixture
def plain(environment):
    """A client of the API without TLS."""
    del environment["API_TLS_CERT_FILE"], environment["API_TLS_KEY_FILE"]
    environment["API_WORKERS"] = "1"
    with httpx.Client(base_url=f"http://localhost:{environment['API_PORT']}", timeout=10) as client:
        yield client


@pytest.fixture
def secure(plain):
    return plain


@pytest.fixture
def connect(environment):
    opened = []

    def run():
        opened.append(socket.create_connection(("127.0.0.1", int(environment["API_PORT"])), timeout=10))
        return opened[-1]

    yield run
    for connection in opened:
        connection.close()


@pytest.fixture
def request_bytes(contract):
    """A function that returns a request with a token."""

    def write(token):
        body = json.dumps({"rows": [contract.example] * ROWS}).encode()
        head = f"Host: localhost\r\nAuthorization: {token}\r\nContent-Type: application/json\r\n"
        return f"POST /v1/predict HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    return write


def ask(connection, request):
    """Return status, head and content of the answer."""
    connection.sendall(request)
    return receive(connection)


def receive(connection):
    head, body = read_one(connection)
    return int(head[9:12]), head, json.loads(body)


def send_while_stopped(worker, connections, request, probe):
    """Send everything while the worker is stopped, so that all of it is there when it continues."""
    os.kill(worker, signal.SIGSTOP)
    for connection in connections:
        connection.sendall(request)
    probe.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    os.kill(worker, signal.SIGCONT)


def test_worker_refuses_what_would_wait_too_long_and_recovers(
    start, plain, environment, headers, connect, request_bytes
):
    process = start(API_MAX_WAIT_SECONDS=LIMIT_SECONDS)
    wait_until_ready(plain, process)
    request = request_bytes(headers()["Authorization"])
    assert ask(connect(), request)[0] == 200  # the token is verified, and known from then on
    connections, probe = [connect() for _ in range(REQUESTS)], connect()
    (worker,) = workers_of(process)

    send_while_stopped(worker, connections, request, probe)
    answers = [receive(connection) for connection in connections]

    refused = [(head, problem) for status, head, problem in answers if status == 503]
    answered = [content for status, _, content in answers if status == 200]
    assert answered and refused
    assert len(answered) + len(refused) == REQUESTS
    assert all(len(one["predictions"]) == ROWS for one in answered)
    assert all(b"retry-after: 1" in head and problem["code"] == "overloaded" for head, problem in refused)
    assert receive(probe)[0] == 200
    later = [ask(connection, request)[0] for connection in connections]  # one after the other
    assert later.count(200) > REQUESTS / 2  # on a busy machine even these may wait for 1 ms
    series = scrape(environment)
    all_refused, all_answered = len(refused) + later.count(503), 1 + len(answered) + later.count(200)
    assert series['espalier_overload_refusals_total{queue="event_loop"}'] == all_refused
    assert series[f'http_requests_total{PREDICT},status="5xx"}}'] == all_refused
    assert summed(series, "espalier_predictions_total") == ROWS * all_answered
