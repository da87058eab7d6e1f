import asyncio
import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from services.api.errors import ApiError, FieldProblem
from services.api.http import counted_prediction
from services.api.http.problems import STATUS, problem_response


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


@pytest.mark.parametrize(
    ("path", "methods"),
    [("/v1/users", "GET, POST"), ("/v1/users/ana", "PATCH"), ("/v1/predict", "POST"), ("/healthz", "GET")],
)
def test_wrong_method_is_told_every_right_one(client, path, methods):
    assert client.options(path).headers["allow"] == methods


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/v2/nowhere", 404, "Not Found"),
        ("GET", "/v2/models/orchard/infer", 405, "Method Not Allowed"),
        ("POST", "/v2/models/orchard/infer", 401, "the access token is missing"),
        ("POST", "/v2", 405, "Method Not Allowed"),
    ],
)
def test_errors_under_v2_have_the_format_of_the_protocol(client, method, path, status, text):
    response = client.request(method, path, headers={"X-Request-ID": "mine"})

    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert set(response.json()) == {"error"} and response.json()["error"].startswith(text)
    assert response.headers["x-request-id"] == "mine"
    assert int(response.headers["content-length"]) == len(response.content)


def test_refusals_before_the_routes_have_it_too(client):
    response = client.get("/v2", headers={"host": "elsewhere"})

    assert response.status_code == 400
    assert set(response.json()) == {"error"}


@pytest.mark.parametrize("path", ["/v20", "/v1/v2/x"])
def test_other_paths_do_not(client, path):
    assert client.get(path).headers["content-type"] == "application/problem+json"


def test_long_list_of_problems_is_truncated_under_v2():
    problems = [FieldProblem(f"inputs.{'x' * 200}[{row}]", "must be a number", "wrong_type") for row in range(20)]
    response = problem_response("1", 422, code="invalid_rows", detail="20 values", problems=problems)
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(response({"type": "http", "path": "/v2/models/m/infer"}, None, send))

    error = json.loads(sent[1]["body"])["error"]
    assert error.startswith("inputs.xxx") and len(error) == 2000


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
