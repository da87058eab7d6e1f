"""The Open Inference Protocol through the HTTPS ingress."""

import json

import pytest

from tests.e2e.platform import ROOT, ROW

REQUEST = json.loads((ROOT / "docs/example-inference-request.json").read_text())
MODEL = "/v2/models/flight-delay"


@pytest.fixture
def client(platform):
    with platform.client() as client:
        yield client


@pytest.fixture
def bearer(platform):
    return {"authorization": f"Bearer {platform.token()}"}


def test_server_is_live_and_ready(client):
    live, ready = client.get("/v2/health/live"), client.get("/v2/health/ready")

    assert (live.status_code, live.json()) == (200, {"live": True})
    assert (ready.status_code, ready.json()) == (200, {"live": True, "ready": True})


def test_metadata_names_the_champion_and_its_inputs(client, bearer, platform):
    model = client.get(MODEL, headers=bearer).json()

    assert client.get("/v2", headers=bearer).json()["extensions"] == ["binary_tensor_data"]
    assert (model["name"], model["versions"]) == ("flight-delay", [platform.annotation()])
    assert {one["name"]: one["datatype"] for one in model["inputs"]} == {
        one["name"]: one["datatype"] for one in REQUEST["inputs"]
    }
    assert client.get(f"{MODEL}/ready", headers=bearer).status_code == 200


def test_inference_is_the_prediction_of_the_same_row(client, bearer, post, platform, note):
    answer = client.post(f"{MODEL}/infer", json=REQUEST, headers=bearer)

    assert answer.status_code == 200, answer.text
    found = {output["name"]: output["data"] for output in answer.json()["outputs"]}
    note(f"POST {MODEL}/infer: {found}")
    prediction = post("/v1/predict", ROW)["predictions"][0]
    assert found["label"] == [prediction["label"]]
    assert found["probability"] == [pytest.approx(prediction["probability"], abs=1e-6)]
    assert answer.json()["model_version"] == platform.annotation()


@pytest.mark.parametrize(("method", "path"), [("GET", "/v2"), ("GET", MODEL), ("POST", f"{MODEL}/infer")])
def test_refusal_has_the_error_form_of_the_protocol(client, method, path):
    answer = client.request(method, path)

    assert answer.status_code == 401
    assert set(answer.json()) == {"error"}
