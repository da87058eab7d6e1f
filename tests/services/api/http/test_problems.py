from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from services.api.errors import ApiError
from services.api.http import counted_prediction
from services.api.http.problems import STATUS


def every(kind):
    return {sub for child in kind.__subclasses__() for sub in (child, *every(child))}


def test_every_error_has_a_status():
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
def test_every_error_has_the_same_format(client, method, path, status):
    response = client.request(method, path)

    body = response.json()
    assert response.status_code == body["status"] == status
    assert response.headers["content-type"] == "application/problem+json"
    assert set(body) >= {"type", "title", "status", "detail", "code", "request_id"}
    assert body["request_id"] == response.headers["x-request-id"]


def test_refused_token_has_www_authenticate(client):
    assert client.post("/v1/predict").headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_unexpected_error_shows_no_internals(client, bearer, row, monkeypatch):
    def broken(*_arguments, **_options):
        raise RuntimeError("the secret path is /etc/espalier")

    monkeypatch.setattr(counted_prediction, "predict_matrix", broken)

    response = client.post("/v1/predict", json={"rows": [row]}, headers=bearer())

    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "secret path" not in response.text
    assert "Traceback" not in response.text
    assert response.json()["request_id"] == response.headers["x-request-id"]


def test_parameter_that_is_wrong_is_named(client, bearer):
    response = client.post("/v1/predict?explain=perhaps", json={}, headers=bearer())

    assert response.status_code == 422
    assert [problem["field"] for problem in response.json()["errors"]] == ["query.explain"]


def test_long_list_of_problems_is_truncated(client, account, bearer):
    user = {"name": "bob", "password": "seven slow herons", "scopes": ["predict"]}
    response = client.post("/v1/users", json=user | {f"more{n}": 1 for n in range(50)}, headers=bearer())

    assert response.status_code == 422
    assert len(response.json()["errors"]) == 20


def test_unavailable_database_is_reported_without_details(client, engine, caplog):
    engine.dispose()
    path = Path(engine.url.database)
    path.unlink()
    path.mkdir()

    response = client.post("/v1/auth/token", data={"username": "ana", "password": "x"})

    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert response.json()["code"] == "unavailable"
    assert path.name not in response.text
    assert "does not answer" in caplog.text


def test_allowed_methods_are_named(client: TestClient):
    assert client.get("/v1/predict").headers["allow"] == "POST"
