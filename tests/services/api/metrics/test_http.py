"""Metrics of each request; with workers that exit: server_process/test_workers.py."""

import time

import pytest

from services.api.http.middleware import PROBES


@pytest.fixture
def counted(registry):
    """Every series of the two metrics, by name and labels."""

    def read():
        names = ("http_requests", "http_request_duration_seconds")
        metrics = [metric for metric in registry.collect() if metric.name in names]
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for metric in metrics
            for sample in metric.samples
            if not sample.name.endswith("_created")
        }

    return read


def labels_of(series, name):
    return [dict(labels) for sample, labels in series if sample == name]


def test_every_route_starts_at_zero(client, counted):
    series = counted()

    document = client.get("/openapi.json").json()
    routes = {(path, method.upper()) for path, by in document["paths"].items() for method in by if path not in PROBES}
    found = labels_of(series, "http_requests_total")
    assert set(series.values()) == {0}
    assert routes <= {(one["handler"], one["method"]) for one in found}
    assert ("none", "GET") in {(one["handler"], one["method"]) for one in found}
    assert {one["status"] for one in found} == {"2xx", "3xx", "4xx", "5xx"}
    assert len(found) == 4 * len(labels_of(series, "http_request_duration_seconds_count"))


def test_latency_objective_is_a_bucket_bound(client, counted):
    assert "0.1" in {one["le"] for one in labels_of(counted(), "http_request_duration_seconds_bucket")}


def test_request_is_counted_once_by_status(client, sample, ask, row):
    began = time.perf_counter()
    ask(row)
    client.post("/v1/predict")
    took = time.perf_counter() - began

    here = {"handler": "/v1/predict", "method": "POST"}
    assert sample("http_requests_total", status="2xx", **here) == 1
    assert sample("http_requests_total", status="4xx", **here) == 1
    assert sample("http_requests_total", status="5xx", **here) == 0
    assert sample("http_request_duration_seconds_count", **here) == 2
    assert 0 < sample("http_request_duration_seconds_sum", **here) < took


def test_unexpected_error_is_counted(client, bearer, row, sample, monkeypatch):
    monkeypatch.setattr("services.api.http.counted_prediction.predict_matrix", lambda *_arguments, **_options: 1 / 0)

    client.post("/v1/predict", json={"rows": [row]}, headers=bearer())

    assert sample("http_requests_total", handler="/v1/predict", method="POST", status="5xx") == 1


def test_no_request_can_add_a_series(client, counted):
    before = set(counted())

    for method in ("GET", "POST", "BREW", "PROPFIND", "get"):
        for path in ("/v1/predict", "/v1/users/somebody/", "/v1/users/", "/nowhere", "/%2e%2e/x", "/x/healthz"):
            client.request(method, path, follow_redirects=False)

    assert set(counted()) == before


@pytest.mark.parametrize(
    ("method", "path", "labels"),
    [
        ("GET", "/nowhere", ("none", "GET", "4xx")),
        ("BREW", "/nowhere", ("none", "other", "4xx")),
        ("DELETE", "/v1/predict", ("/v1/predict", "other", "4xx")),
        ("PATCH", "/v1/users/somebody", ("/v1/users/{name}", "PATCH", "4xx")),
        ("PATCH", "/v1/users/somebody/", ("none", "PATCH", "4xx")),
        ("GET", "/x/healthz", ("none", "GET", "4xx")),
    ],
)
def test_unknown_paths_and_methods_share_a_label(client, sample, method, path, labels):
    client.request(method, path, follow_redirects=False)

    assert sample("http_requests_total", **dict(zip(("handler", "method", "status"), labels, strict=True))) == 1


def test_probes_are_not_counted(client, counted):
    client.get("/healthz")
    client.get("/readyz")

    assert set(counted().values()) == {0}
