import asyncio
import json
import logging

import pytest

from services.api.draining import Drain
from services.api.http import counted_prediction
from services.api.http.access_log import AccessLog
from services.api.http.allowed_hosts import AllowedHosts
from services.api.http.middleware import Limits, Observers, RequestMiddleware
from services.api.http.routes import predictions
from services.api.metrics.http import HttpMetrics
from services.api.metrics.shared import SharedMetrics


@pytest.mark.parametrize("host", ["evil.example.org", "testserver.evil", "a/?x=", ""])
def test_unknown_host_is_refused_before_anything_else(client, host):
    response = client.post("/v1/predict", headers={"host": host})

    assert response.status_code == 400
    assert response.json()["code"] == "unknown_host"


@pytest.mark.parametrize("hosts", [("testserver", "evil.example.org"), ("testserver", "testserver")])
def test_several_hosts_are_refused(client, hosts):
    response = client.get("/.well-known/jwks.json", headers=[("host", host) for host in hosts])

    assert (response.status_code, response.json()["code"]) == (400, "unknown_host")


@pytest.mark.parametrize("host", ["testserver", "TESTSERVER:8443"])
def test_known_host_is_served_with_any_port(client, host):
    assert client.get("/.well-known/jwks.json", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["[::1]:80", "[::1]"])
def test_ipv6_host_is_served(make_client, make_settings, host):
    client = make_client(make_settings(allowed_hosts=("::1",)))

    assert client.get("/.well-known/jwks.json", headers={"host": host}).status_code == 200


def test_probes_accept_any_host(client):
    assert client.get("/healthz", headers={"host": "10.1.2.3:8000"}).status_code == 200


def test_wildcard_allows_every_host(make_client, make_settings):
    client = make_client(make_settings(allowed_hosts=("*",)))

    assert client.get("/.well-known/jwks.json", headers={"host": "any.example.org"}).status_code == 200


def test_valid_request_id_is_kept(client):
    assert client.get("/healthz", headers={"x-request-id": "abc-1.2_3"}).headers["x-request-id"] == "abc-1.2_3"


@pytest.mark.parametrize("sent", ["", "x" * 65, "a b", 'a"b', "<script>"])
def test_invalid_request_id_is_replaced(client, sent):
    made = client.get("/healthz", headers={"x-request-id": sent}).headers["x-request-id"]

    assert made != sent
    assert len(made) == 32


BODIES = pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/predict", "application/json"),
        ("/v1/users", "application/json"),
        ("/v1/auth/token", "application/x-www-form-urlencoded"),
    ],
)


@BODIES
def test_too_large_body_is_refused_by_its_declared_length(make_client, make_settings, bearer, path, kind):
    client = make_client(make_settings(max_body_bytes=1024))

    response = client.post(path, content=b"x" * 1025, headers={**bearer(), "content-type": kind})

    assert response.status_code == 413
    assert response.headers["connection"] == "close"
    assert response.json()["code"] == "body_too_large"
    assert response.json()["detail"] == "the body has 1,025 bytes; send at most 1,024"


@BODIES
def test_too_large_body_is_refused_while_streaming(make_client, make_settings, bearer, path, kind):
    client = make_client(make_settings(max_body_bytes=1024))

    def chunks():
        for _ in range(10):
            yield b"x" * 200

    response = client.post(path, content=chunks(), headers={**bearer(), "content-type": kind})

    assert response.status_code == 413
    assert response.json()["code"] == "body_too_large"


def test_caller_is_authenticated_before_the_size_is_checked(client):
    assert client.post("/v1/predict", content=b"x" * (2**21 + 1)).status_code == 401


def test_slow_request_times_out(make_client, make_settings, bearer, row, monkeypatch):
    settings = make_settings(body_timeout_seconds=0.1, request_timeout_seconds=0.2)
    client = make_client(settings)

    async def never(_request, _place, **_limits):
        await asyncio.sleep(60)

    monkeypatch.setattr(predictions, "read_rows", never)

    response = client.post("/v1/predict", json={"rows": [row]}, headers=bearer())

    assert response.status_code == 504
    assert response.headers["retry-after"] == "1"
    assert response.json()["code"] == "too_late"


def test_started_response_is_not_followed_by_another(caplog):
    async def broken(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("half way")

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/healthz", "headers": []}
    shared = SharedMetrics()
    observers = Observers(shared.gauge("in_progress", ""), HttpMetrics(shared, {"/": {"GET"}}), AccessLog())
    options = {
        "hosts": AllowedHosts(["*"]),
        "limits": Limits(1, 1, 1, 1),
        "drain": Drain(),
        "observers": observers,
        "check_caller": lambda _scope: None,
    }
    with pytest.raises(RuntimeError, match="half way"):
        asyncio.run(RequestMiddleware(broken, **options)(scope, None, send))

    assert [message["type"] for message in sent] == ["http.response.start"]


def test_requests_in_progress_are_counted(client, ask, bearer, row, sample, monkeypatch):
    seen = []

    def fail(_model, _target, _matrix, *, explain):
        seen.append(sample("espalier_requests_in_progress"))
        raise RuntimeError

    monkeypatch.setattr(counted_prediction, "predict_matrix", fail)

    assert ask(row).status_code == 500
    assert seen == [1]
    assert sample("espalier_requests_in_progress") == 0


def test_probes_are_not_in_progress(client, sample, monkeypatch):
    from services.api.draining import Drain

    seen = []
    monkeypatch.setattr(
        Drain, "is_draining", property(lambda _self: seen.append(sample("espalier_requests_in_progress")))
    )

    client.get("/readyz")

    assert set(seen) == {0}


def test_access_log_has_one_line_per_request(client, bearer, access_lines):
    client.get("/v1/model", headers={**bearer(), "x-request-id": "here"})
    client.get("/healthz")
    client.get("/no/such/path/at/all")

    first, second = access_lines()
    assert [first[name] for name in ("route", "status", "subject", "request_id")] == ["/v1/model", 200, "ana", "here"]
    assert (second["route"], second["status"]) == ("none", 404)


def test_tokens_are_never_logged(client, bearer, caplog, row, access_lines):
    caplog.set_level(logging.DEBUG)
    headers = bearer()

    client.post("/v1/predict", json={"rows": [row]}, headers=headers)

    # Records with the fields that their text leaves out.
    logged = str([vars(record) for record in caplog.records]) + json.dumps(access_lines())
    assert "/v1/predict" in logged
    assert headers["Authorization"].split()[1] not in logged
    assert json.dumps(row["kind"]) not in logged and repr(row["kind"]) not in logged
