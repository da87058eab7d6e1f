"""A worker that cannot keep up: predictions that would wait too long are refused at once, everything else is answered."""

import json
import os
import signal
import socket

import httpx
import pytest

from tests.services.api.process.talking import read_one
from tests.services.api.server_process.running import PREDICT, scrape, summed, wait_until_ready, workers_of

REQUESTS = 60
ROWS = 100
"""Of each request: sixty of them take much longer than the limit."""

LIMIT_SECONDS = "0.01"


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


def test_worker_refuses_what_would_wait_too_long_and_recovers(start, plain, environment, contract, headers):
    process = start(API_MAX_WAIT_SECONDS=LIMIT_SECONDS)
    wait_until_ready(plain, process)
    token = headers()["Authorization"]
    body = json.dumps({"rows": [contract.example] * ROWS}).encode()
    head = f"Host: localhost\r\nAuthorization: {token}\r\nContent-Type: application/json\r\n"
    request = f"POST /v1/predict HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def connect():
        return socket.create_connection(("127.0.0.1", int(environment["API_PORT"])), timeout=10)

    with connect() as connection:  # the token is verified, and known from then on
        connection.sendall(request)
        assert read_one(connection)[0].startswith(b"HTTP/1.1 200")
    connections = [connect() for _ in range(REQUESTS)]
    probe = connect()
    (worker,) = workers_of(process)
    os.kill(worker, signal.SIGSTOP)  # all requests are there when it continues
    for connection in connections:
        connection.sendall(request)
    probe.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    os.kill(worker, signal.SIGCONT)

    answers = [read_one(connection) for connection in connections]
    refused = [(answer_head, json.loads(text)) for answer_head, text in answers if answer_head[9:12] == b"503"]
    answered = [json.loads(text) for answer_head, text in answers if answer_head[9:12] == b"200"]
    assert len(answered) + len(refused) == REQUESTS
    assert answered
    assert refused
    assert all(len(one["predictions"]) == ROWS for one in answered)
    assert all(b"retry-after: 1" in one and problem["code"] == "overloaded" for one, problem in refused)
    assert read_one(probe)[0].startswith(b"HTTP/1.1 200")
    for connection in connections:  # the same connections are served again
        connection.sendall(request)
        assert read_one(connection)[0].startswith(b"HTTP/1.1 200")
    series = scrape(environment)
    assert series['espalier_overload_refusals_total{queue="event_loop"}'] == len(refused)
    assert series[f'http_requests_total{PREDICT},status="5xx"}}'] == len(refused)
    assert summed(series, "espalier_predictions_total") == ROWS * (1 + len(answered) + REQUESTS)
    for connection in (*connections, probe):
        connection.close()
