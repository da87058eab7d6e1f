import pytest
from fastapi.testclient import TestClient

from services.api.errors import ApiError
from services.api.http_errors import STATUS


def every(kind):
    return {sub for child in kind.__subclasses__() for sub in (child, *every(child))}


def test_every_failure_has_a_status():
    assert set(STATUS) == every(ApiError)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v1/predict", 405),
        ("POST", "/v1/predict", 401),
        ("POST", "/v1/auth/token", 422),
    ],
)
def test_every_failure_has_the_one_shape(client, method, path, status):
    response = client.request(method, path)

    body = response.json()
    assert response.status_code == body["status"] == status
    assert response.headers["content-type"] == "application/problem+json"
    assert set(body) >= {"type", "title", "status", "detail", "code", "request_id"}
    assert body["request_id"] == response.headers["x-request-id"]


def test_refused_token_is_challenged(client):
    assert client.post("/v1/predict").headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_unexpected_failure_shows_no_internals(client, bearer, row, monkeypatch):
    from services.api import prediction

    def broken(*_arguments):
        raise RuntimeError("the secret path is /etc/espalier")

    monkeypatch.setattr(prediction, "encode", broken)

    response = client.post("/v1/predict", json={"rows": [row]}, headers=bearer())

    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "secret path" not in response.text
    assert "Traceback" not in response.text
    assert response.json()["request_id"] == response.headers["x-request-id"]


def test_allowed_methods_are_named(client: TestClient):
    assert client.get("/v1/predict").headers["allow"] == "POST"
