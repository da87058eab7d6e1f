"""A process without a model; as a real process: server_process/test_first_model.py."""

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


def test_waiting_process_is_alive_and_not_ready(client, wait):
    assert (client.get("/healthz").status_code, client.get("/healthz").json()) == (200, {"status": "alive"})
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "waiting", "reason": "no model has passed the gate yet"}

    wait.error = RegistryUnreachable("MLflow at http://mlflow.internal did not answer")
    assert client.get("/readyz").json()["reason"] == "the model registry does not answer"


def test_health_routes_of_the_inference_protocol_agree(client):
    live, ready = client.get("/v2/health/live"), client.get("/v2/health/ready")

    assert (live.status_code, live.json()) == (200, {"live": True})
    assert (ready.status_code, ready.json()) == (503, {"live": True, "ready": False})


def test_requests_of_the_inference_protocol_get_its_error(client):
    answer = client.post("/v2/models/orchard/infer", content=b"{}")

    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/json")
    assert answer.json() == {"error": "No predictions yet: no model has passed the gate yet. Retry later."}


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/predict"), ("GET", "/v1/model"), ("POST", "/v1/auth/token"), ("GET", "/nothing")]
)
def test_every_request_gets_a_503_with_retry_after(client, method, path):
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
    """Raise the errors in order, then succeed."""
    left = list(errors)

    def look():
        if left:
            raise left.pop(0)

    return look


def test_registry_is_polled_until_a_model_exists(wait, monkeypatch):
    monkeypatch.setattr(wait_for_model, "POLL_SECONDS", 0.001)
    look = answers(NoModelYet("none"), RegistryUnreachable("unavailable"), RegistryUnreachable("unavailable"))

    asyncio.run(wait_for_model.poll_until_found(wait, look))

    assert isinstance(wait.error, RegistryUnreachable)


def test_registry_is_asked_every_5_to_7_5_seconds(wait, monkeypatch):
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)

    monkeypatch.setattr(wait_for_model.asyncio, "sleep", sleep)

    asyncio.run(wait_for_model.poll_until_found(wait, answers(*[NoModelYet("none")] * 200)))

    assert len(pauses) == 201
    assert 5 <= min(pauses) < 5.5 and 7 < max(pauses) <= 7.5


def test_wait_stops_on_a_refused_bundle(wait, monkeypatch):
    monkeypatch.setattr(wait_for_model, "POLL_SECONDS", 0.001)

    with pytest.raises(BundleRefused):
        asyncio.run(wait_for_model.poll_until_found(wait, answers(NoModelYet("none"), BundleRefused("unsigned"))))
