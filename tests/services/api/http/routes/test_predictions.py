import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from evaluation.encoding import encode


def test_response_names_the_model(client, ask, row, lineage):
    response = ask(row)

    body = response.json()
    assert response.status_code == 200
    assert response.headers["x-model-version"] == "7"
    assert body["model"] == {
        "name": "orchard",
        "version": "7",
        "run_id": lineage.run_id,
        "git_commit": lineage.git_commit,
        "data_md5": lineage.data_md5,
    }
    assert body["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize("number", [1, 16, 17, 200])
def test_rows_are_answered_in_order_inline_and_in_a_thread(ask, row, model, number):
    rows = [{**row, "height": float(place % 20)} for place in range(number)]

    predictions = ask(*rows).json()["predictions"]

    expected = model.predict(encode(rows, model.bundle.contract))
    np.testing.assert_array_equal([prediction["probability"] for prediction in predictions], expected.tolist())
    assert [prediction["label"] for prediction in predictions] == [
        "bearing" if probability >= 0.5 else "bare" for probability in expected
    ]


def test_probability_at_the_threshold_gets_the_positive_label(ask, row, monkeypatch, model):
    likely = np.asarray([0.5, np.nextafter(np.float32(0.5), np.float32(0))], dtype=np.float32)
    monkeypatch.setattr(type(model), "predict", lambda _self, _matrix: likely)

    predictions = ask(row, row).json()["predictions"]

    assert [prediction["label"] for prediction in predictions] == ["bearing", "bare"]


def test_explanation_adds_up_in_log_odds(ask, row):
    prediction = ask(row, params={"explain": "true"}).json()["predictions"][0]

    total = prediction["base_value"] + sum(prediction["contributions"].values())
    assert set(prediction["contributions"]) == set(row)
    assert 1 / (1 + np.exp(-total)) == pytest.approx(prediction["probability"], abs=1e-5)


def test_explanations_have_their_own_limit(make_client, make_settings, bearer, row):
    client = make_client(make_settings(max_explain_rows=2))

    response = client.post("/v1/predict", params={"explain": "true"}, json={"rows": [row] * 3}, headers=bearer())

    assert response.status_code == 422
    assert "at most 2 rows" in response.json()["detail"]


def test_unknown_category_that_may_be_missing_is_like_null(ask, row):
    unknown, null = ask({**row, "soil": "moon"}, {**row, "soil": None}).json()["predictions"]

    assert unknown == null


def test_problem_names_the_field_and_is_counted(ask, row, sample):
    response = ask(row, {**row, "kind": "cherry", "age": -1})

    assert response.status_code == 422
    assert response.json()["errors"] == [
        {"field": "rows[1].age", "message": "must be a whole number from 0 to 300 a"},
        {"field": "rows[1].kind", "message": "must be one of apple, pear, plum"},
    ]
    assert sample("espalier_rejected_requests_total", reason="unknown_category") == 1
    assert sample("espalier_rejected_requests_total", reason="out_of_range") == 1


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "", "multipart/form-data"])
def test_other_media_types_are_refused_and_counted(client, bearer, sample, kind):
    response = client.post("/v1/predict", content=b"{}", headers={**bearer(), "content-type": kind})

    assert response.status_code == 415
    assert sample("espalier_rejected_requests_total", reason="unsupported_media_type") == 1


def test_too_large_body_is_counted(make_client, make_settings, bearer):
    client = make_client(make_settings(max_body_bytes=1024))
    headers = {**bearer(), "content-type": "application/json"}

    client.post("/v1/predict", content=b"x" * 1025, headers=headers)
    client.post("/v1/predict", content=iter([b"x" * 1025]), headers=headers)

    registry = CollectorRegistry()
    registry.register(client.app.state.services.metrics.shared)
    assert registry.get_sample_value("espalier_rejected_requests_total", {"reason": "body_too_large"}) == 2


def test_malformed_body_is_refused_and_counted(client, bearer, sample):
    response = client.post("/v1/predict", content=b"{", headers={**bearer(), "content-type": "application/json"})

    assert response.status_code == 400
    assert response.json()["code"] == "malformed_body"
    assert sample("espalier_rejected_requests_total", reason="malformed_body") == 1


def test_too_many_rows_are_refused(make_client, make_settings, bearer, row):
    response = make_client(make_settings(max_rows=2)).post("/v1/predict", json={"rows": [row] * 3}, headers=bearer())

    assert response.status_code == 422
    assert response.json()["code"] == "too_many_rows"
