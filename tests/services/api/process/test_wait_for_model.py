"""A process without a model; as a real process, until it serves, in server_process/test_first_model.py."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient

from services.api.errors import BundleRefused, NoModelYet, RegistryUnreachable
from services.api.process import wait_for_model
from services.api.process.wait_for_model import Wait, waiting_app


@pytest.fixture
def wait():
    return Wait(NoModelYet("the registry has no model orchard"))


@pytest.fixture
def client(wait):
    return TestClient(waiting_app(wait))


def test_process_is_alive_and_not_ready_and_says_why(client, wait):
    assert (client.get("/healthz").status_code, client.get("/healthz").json()) == (200, {"status": "alive"})
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "waiting", "reason": "no model has passed the gate yet"}

    wait.error = RegistryUnreachable("MLflow at http://mlflow.internal did not answer")
    assert client.get("/readyz").json()["reason"] == "the model registry does not answer"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/predict"), ("GET", "/v1/model"), ("POST", "/v1/auth/token"), ("GET", "/nothing")]
)
def test_every_request_is_a_problem_that_says_when_to_come_again(client, method, path):
    answer = client.request(method, path, content=b"x" * 100_000 if method == "POST" else None)

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    body = answer.json()
    assert (body["code"], body["status"]) == ("no_model", 503)
    assert "no model has passed the gate yet" in body["detail"]
    assert body["request_id"] == answer.headers["x-request-id"]


def test_wait_is_a_gauge(wait):
    registry = CollectorRegistry()
    registry.register(wait)

    assert registry.get_sample_value("espalier_waiting_for_model") == 1


def answers(*errors):
    """Fail with one after another, then succeed."""
    left = list(errors)

    def look():
        if left:
            raise left.pop(0)

    return look


def test_registry_is_asked_until_there_is_a_model(wait, monkeypatch):
    monkeypatch.setattr(wait_for_model, "ASK_SECONDS", 0.001)
    look = answers(NoModelYet("none"), RegistryUnreachable("unavailable"), RegistryUnreachable("unavailable"))

    asyncio.run(wait_for_model._look_until_found(wait, look))

    assert isinstance(wait.error, RegistryUnreachable)


def test_refused_bundle_ends_the_wait(wait, monkeypatch):
    monkeypatch.setattr(wait_for_model, "ASK_SECONDS", 0.001)

    with pytest.raises(BundleRefused):
        asyncio.run(wait_for_model._look_until_found(wait, answers(NoModelYet("none"), BundleRefused("unsigned"))))
