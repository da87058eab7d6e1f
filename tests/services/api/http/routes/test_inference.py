import json
from dataclasses import replace

import numpy as np
import pytest

from evaluation.encoding import encode
from tests.services.api.prediction.inference.tensors import body, tensor, tensors_of

INFER = "/v2/models/orchard/infer"


@pytest.fixture
def infer(client, bearer):
    """Send tensors, and return the response."""

    def send(*tensors, path=INFER, binary=False, headers=None, **members):
        content, length = body(*tensors, binary=binary, **members)
        own = (
            {"Content-Type": "application/json"}
            if length is None
            else {
                "Content-Type": "application/octet-stream",
                "Inference-Header-Content-Length": str(length),
            }
        )
        return client.post(path, content=content, headers={**bearer(), **own, **(headers or {})})

    return send


def outputs(response):
    return {output["name"]: output for output in response.json()["outputs"]}


@pytest.mark.parametrize("path", [INFER, "/v2/models/orchard/versions/7/infer"])
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("number", [1, 200])
def test_same_answer_as_for_rows(infer, ask, row, path, binary, number):
    rows = [{**row, "height": None if place % 3 else float(place % 20)} for place in range(number)]

    response = infer(*tensors_of(rows), path=path, binary=binary)

    expected = ask(*rows).json()["predictions"]
    found = outputs(response)
    assert response.status_code == 200
    np.testing.assert_array_equal(
        np.float32(found["probability"]["data"]), np.float32([each["probability"] for each in expected])
    )
    assert found["label"]["data"] == [each["label"] for each in expected]


def test_one_tensor_of_all_features(infer, row, model):
    matrix = encode([row, {**row, "height": 1}], model.bundle.contract)

    response = infer(tensor("input", "FP32", matrix.ravel().tolist(), [2, 5]), binary=True)

    assert np.float32(outputs(response)["probability"]["data"]).tolist() == model.predict(matrix).tolist()


def test_response_names_the_model_and_its_lineage(infer, row, lineage):
    response = infer(*tensors_of([row]), id="42")

    answer = response.json()
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("orchard", "7", "42")
    assert answer["parameters"]["data_md5"] == lineage.data_md5
    assert response.headers["x-model-version"] == "7"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "application/json"
    assert "inference-header-content-length" not in response.headers


def test_request_without_id_gets_the_request_id(infer, row):
    response = infer(*tensors_of([row]), headers={"X-Request-ID": "mine"})

    assert response.json()["id"] == response.headers["x-request-id"] == "mine"


def test_binary_outputs_follow_the_json(infer, row):
    response = infer(*tensors_of([row]), parameters={"binary_data_output": True}, outputs=[{"name": "probability"}])

    length = int(response.headers["inference-header-content-length"])
    assert response.headers["content-type"] == "application/octet-stream"
    assert json.loads(response.content[:length])["outputs"][0]["parameters"] == {"binary_data_size": 4}
    expected = outputs(infer(*tensors_of([row])))["probability"]["data"]
    assert np.frombuffer(response.content[length:], "<f4").tolist() == np.float32(expected).tolist()


def test_feedback_token_is_one_of_v1(infer, client, bearer, row):
    token = infer(*tensors_of([row, row])).json()["parameters"]["feedback_token"]

    feedback = {"feedback": [{"feedback_token": token, "labels": ["bare", "bearing"]}]}
    assert client.post("/v1/feedback", json=feedback, headers=bearer()).json()["counted"] == 2


def test_predictions_values_and_requests_are_counted(infer, row, sample):
    infer(*tensors_of([row] * 20))

    labels = [sample("espalier_predictions_total", model_version="7", label=label) for label in ("bare", "bearing")]
    assert sum(labels) == 20
    assert sample("espalier_feature_bin_total", model_version="7", feature="soil", bin="loam") == 20
    assert sample("espalier_predict_seconds_count") == 1
    handler = "/v2/models/{model_name}/infer"
    assert sample("http_requests_total", handler=handler, method="POST", status="2xx") == 1


def test_refused_value_is_named_and_counted(infer, row, sample):
    response = infer(*tensors_of([row, {**row, "kind": "cherry", "age": -1}]))

    assert response.status_code == 422
    assert response.json() == {
        "error": "inputs.age[1]: must be a whole number from 0 to 300 a; "
        "inputs.kind[1]: must be one of apple, pear, plum"
    }
    assert sample("espalier_rejected_requests_total", reason="unknown_category") == 1
    assert sample("espalier_rejected_requests_total", reason="out_of_range") == 1


def test_malformed_request_is_counted(infer, sample):
    response = infer()

    assert response.status_code == 400
    assert "of length >= 1" in response.json()["error"]
    assert sample("espalier_rejected_requests_total", reason="malformed_body") == 1


def test_rows_are_limited(make_client, make_settings, bearer, row):
    client = make_client(make_settings(max_rows=2))
    content, _ = body(*tensors_of([row] * 3))

    response = client.post(INFER, content=content, headers=bearer())

    assert response.status_code == 422
    assert response.json() == {"error": "inputs: send at most 2 rows in one request, not 3"}


def test_size_of_a_body_is_limited(client, bearer, settings):
    response = client.post(INFER, content=b" " * (settings.max_body_bytes + 1), headers=bearer())

    assert response.status_code == 413
    assert set(response.json()) == {"error"}
    assert response.headers["connection"] == "close"


def test_other_media_type_is_refused(client, bearer):
    response = client.post(INFER, content=b"{}", headers={**bearer(), "Content-Type": "text/plain"})

    assert response.status_code == 415
    assert "application/octet-stream" in response.json()["error"]


def test_too_many_large_requests_are_refused(client, infer, row, monkeypatch):
    from services.api.errors import Busy

    async def refuse(*_arguments, **_options):
        raise Busy("too many large requests are in progress; retry in a second")

    monkeypatch.setattr(client.app.state.batches, "run", refuse)

    inline = 16
    client.app.state.services = replace(client.app.state.services, inline_rows=inline)
    response = infer(*tensors_of([row] * (inline + 1)))

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert response.json() == {"error": "too many large requests are in progress; retry in a second"}
    assert infer(*tensors_of([row] * inline)).status_code == 200, "few rows are predicted at once"


ROUTES = {
    ("GET", "/v2"): "model:read",
    ("GET", "/v2/"): "model:read",
    ("GET", "/v2/models/orchard"): "model:read",
    ("GET", "/v2/models/orchard/versions/7"): "model:read",
    ("GET", "/v2/models/orchard/ready"): "predict",
    ("GET", "/v2/models/orchard/versions/7/ready"): "predict",
    ("POST", INFER): "predict",
    ("POST", "/v2/models/orchard/versions/7/infer"): "predict",
}
"""Every route that requires a token, and its scope."""


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_token_and_scope_are_required(client, bearer, sample, method, path):
    scope = ROUTES[method, path]
    others = {"predict", "model:read", "feedback:write", "users:admin"} - {scope}

    refused = client.request(method, path)
    forbidden = client.request(method, path, headers=bearer(*others))
    allowed = client.request(method, path, headers=bearer(scope))

    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert "access token is missing" in refused.json()["error"]
    assert forbidden.status_code == 403
    assert forbidden.json() == {"error": f"this route requires a token with the scope {scope}"}
    assert allowed.status_code == (200 if method == "GET" else 400)
    assert sample("espalier_auth_failures_total", reason="insufficient_scope") == 1


@pytest.mark.parametrize("path", ["/v2/models/apple", "/v2/models/Orchard", "/v2/models/orchard/versions/8"])
@pytest.mark.parametrize("action", ["", "/ready", "/infer"])
def test_other_models_and_versions_are_unknown(client, bearer, path, action):
    method = "POST" if action == "/infer" else "GET"

    response = client.request(method, f"{path}{action}", headers=bearer())

    assert response.status_code == 404
    assert response.json() == {"error": "this model or version is not served here; orchard version 7 is"}
    assert client.request(method, f"{path}{action}").status_code == 401, "only callers learn what is served"


def test_health_needs_no_token(client):
    live, ready = client.get("/v2/health/live"), client.get("/v2/health/ready")

    assert (live.status_code, live.json()) == (200, {"live": True})
    assert (ready.status_code, ready.json()) == (200, {"live": True, "ready": True})


@pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready"])
def test_health_is_a_probe_like_any(client, sample, path):
    """Any host name, because probes use the address of the pod; and no metrics, in which a drain would be errors."""
    assert client.get(path, headers={"host": "10.0.0.7"}).status_code == 200
    assert sample("http_requests_total", handler=path, method="GET", status="2xx") is None


def test_worker_that_drains_is_live_and_not_ready(client):
    client.app.state.services.drain.start()

    assert client.get("/v2/health/live").status_code == 200
    assert client.get("/v2/health/ready").status_code == 503
    assert client.get("/v2/health/ready").json() == {"live": True, "ready": False}


def test_metadata(client, bearer):
    server, model = (
        client.get("/v2", headers=bearer()).json(),
        client.get("/v2/models/orchard", headers=bearer()).json(),
    )

    assert server["extensions"] == ["binary_tensor_data"]
    assert (model["name"], model["versions"]) == ("orchard", ["7"])
    assert client.get("/v2/models/orchard/ready", headers=bearer()).json() == {"name": "orchard", "ready": True}
