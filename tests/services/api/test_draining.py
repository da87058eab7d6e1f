"""SIGTERM as clients see it: over real sockets in server_process/test_sigterm.py, here in one process."""

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


def test_in_service_connections_are_kept(client):
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert "connection" not in answer.headers


def test_after_the_order_no_traffic_is_asked_for_but_all_is_served(client, drain, bearer):
    drain.begin()

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
    """The parent without its children: gunicorn's own set-up asks for a whole application."""
    monkeypatch.setattr("gunicorn.arbiter.Arbiter.__init__", lambda _self, _app: None)
    monkeypatch.setattr("gunicorn.arbiter.Arbiter.wait_for_signals", lambda _self, timeout: [timeout])
    return lambda seconds: DrainingArbiter(None, drain, seconds)


def test_parent_goes_on_for_the_time_of_the_drain(arbiter, drain, clock):
    parent = arbiter(5)
    parent.handle_term()

    assert drain.begun
    assert parent.wait_for_signals() == [1.0]
    clock.now = 4.8
    assert parent.wait_for_signals() == [pytest.approx(0.2)]
    clock.now = 5.0
    with pytest.raises(StopIteration):
        parent.wait_for_signals()


def test_second_order_ends_at_once(arbiter):
    parent = arbiter(5)
    parent.handle_term()

    with pytest.raises(StopIteration):
        parent.handle_term()


def test_without_a_drain_the_first_order_ends(arbiter):
    with pytest.raises(StopIteration):
        arbiter(0).handle_term()
