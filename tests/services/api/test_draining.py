"""SIGTERM as clients see it, in one process; over real sockets: server_process/test_sigterm.py."""

import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from services.api.app import create_app
from services.api.draining import Drain
from services.api.keys import load_keys
from services.api.process.arbiter import DrainingArbiter


@pytest.fixture
def drain():
    return Drain()


@pytest.fixture
def client(settings, model, engine, drain):
    with TestClient(create_app(settings, load_keys(settings), model, engine, CollectorRegistry(), drain)) as made:
        yield made


def test_connections_are_kept_alive_in_service(client):
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert "connection" not in answer.headers


def test_draining_reports_not_ready_and_still_serves(client, drain, bearer):
    drain.start()

    ready, alive = client.get("/readyz"), client.get("/healthz")
    served = client.get("/v1/model", headers=bearer())

    assert (ready.status_code, ready.json()) == (503, {"status": "draining"})
    assert (alive.status_code, served.status_code) == (200, 200)
    assert {answer.headers["connection"] for answer in (ready, alive, served)} == {"close"}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr("services.api.process.arbiter.time.monotonic", made)
    return made


@pytest.fixture
def arbiter(drain, monkeypatch):
    """The parent without workers and without gunicorn's own set-up, which needs a complete application."""
    monkeypatch.setattr("gunicorn.arbiter.Arbiter.__init__", lambda _self, _app: None)
    monkeypatch.setattr("gunicorn.arbiter.Arbiter.wait_for_signals", lambda _self, timeout: [timeout])
    return lambda seconds: DrainingArbiter(None, drain, seconds)


def test_parent_serves_for_the_drain_time(arbiter, drain, clock):
    parent = arbiter(5)
    parent.handle_term()

    assert drain.is_draining
    assert parent.wait_for_signals() == [1.0]
    clock.now = 4.8
    assert parent.wait_for_signals() == [pytest.approx(0.2)]
    clock.now = 5.0
    with pytest.raises(StopIteration):
        parent.wait_for_signals()


def test_second_sigterm_stops_at_once(arbiter):
    parent = arbiter(5)
    parent.handle_term()

    with pytest.raises(StopIteration):
        parent.handle_term()


def test_first_sigterm_stops_without_a_drain_time(arbiter):
    with pytest.raises(StopIteration):
        arbiter(0).handle_term()
