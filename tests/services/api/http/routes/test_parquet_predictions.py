"""Predictions of Parquet files. How a file is decoded, and what is refused: ../../prediction/parquet."""

import asyncio
import json

import numpy as np
import pyarrow as pa
import pytest

from evaluation.encoding import encode
from services.api.http.media_types import ARROW, JSON, PARQUET
from services.api.prediction.parquet import process
from tests.services.api.prediction.columnar.arrow import table
from tests.services.api.prediction.parquet.files import claim, element, parquet, with_metadata
from tests.services.api.prediction.parquet.hostile import write_library

CODED = pa.dictionary(pa.int8(), pa.string())


@pytest.fixture
def rows(row):
    return [{**row, "height": float(place % 20), "kind": ["apple", "pear", "plum"][place % 3]} for place in range(200)]


@pytest.fixture
def send(client, bearer):
    def post(content, accept=JSON, to=client, kind=PARQUET, **params):
        headers = {**bearer(), "content-type": kind, "accept": accept}
        return to.post("/v1/predict", content=content, headers=headers, params=params)

    return post


@pytest.mark.parametrize("count", [1, 16, 200])
@pytest.mark.parametrize("types", [{}, {"kind": CODED, "soil": CODED}])
def test_answer_is_that_to_the_same_rows_in_json(send, rows, types, count):
    found = send(parquet(table(rows[:count], **types)))
    expected = send(json.dumps({"rows": rows[:count]}), kind=JSON)

    assert found.status_code == 200, found.text
    assert found.headers["x-model-version"] == "7"
    assert found.headers["content-type"] == JSON
    assert found.json()["predictions"] == expected.json()["predictions"]


def test_answer_is_an_arrow_stream_if_that_is_preferred(send, model, rows):
    response = send(parquet(table(rows)), ARROW)

    assert response.headers["content-type"] == ARROW
    with pa.ipc.open_stream(response.content) as reader:
        found = reader.read_all()
    np.testing.assert_array_equal(found["probability"].to_numpy(), model.predict(encode(rows, model.bundle.contract)))


def test_explanations_and_feedback_are_those_of_other_forms(send, client, bearer, rows):
    file = parquet(table(rows[:3]))

    assert "contributions" in send(file, explain="true").json()["predictions"][0]
    token = send(file).json()["feedback_token"]
    body = {"feedback": [{"feedback_token": token, "labels": ["bare"] * 3}]}
    assert client.post("/v1/feedback", json=body, headers=bearer()).json()["counted"] == 3


def test_predictions_and_their_values_are_counted(send, rows, sample):
    send(parquet(table(rows)))

    counted = [sample("espalier_predictions_total", model_version="7", label=label) for label in ("bare", "bearing")]
    assert sum(counted) == len(rows)
    assert sample("espalier_feature_bin_total", model_version="7", feature="kind", bin="plum") == 66


def test_problem_names_the_value_and_is_counted(send, rows, sample):
    rows[150]["age"] = -1

    response = send(parquet(table(rows)))

    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in response.json()["errors"]] == ["columns.age[150]"]
    assert sample("espalier_rejected_requests_total", reason="out_of_range") == 1


def test_rows_have_the_limit_of_columns_whatever_the_file_claims(send, rows, make_client, make_settings):
    client = make_client(make_settings(max_columnar_rows=150))
    huge = with_metadata(claim(10**9, [element("schema", 1), element("age")]))

    assert send(parquet(table(rows[:150])), to=client).status_code == 200
    for content in (parquet(table(rows[:151])), huge):
        response = send(content, to=client)
        assert (response.status_code, response.json()["code"]) == (422, "too_many_rows")


def test_what_a_file_is_decoded_into_has_the_limit_of_a_body(send, rows, make_client, make_settings):
    client = make_client(make_settings(max_body_bytes=16384, max_columnar_body_bytes=16384))
    file = parquet(table(rows * 100), compression="zstd")
    assert len(file) < 16384

    response = send(file, to=client)

    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert "decoded" in response.json()["detail"]


def test_decoded_file_that_is_large_takes_a_place_of_a_large_body(send, rows, client):
    bodies = client.app.state.services.columnar.bodies
    bodies.free = 0
    file = parquet(table(rows * 400), compression="zstd")
    assert len(file) < 2 * 2**20

    response = send(file)

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert send(parquet(table(rows))).status_code == 200, "a small one does not"
    bodies.free = 1
    assert send(file).status_code == 200
    assert bodies.free == 1


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1"])
def test_other_content_is_refused_and_counted(send, content, sample):
    response = send(content)

    assert (response.status_code, response.json()["code"]) == (400, "malformed_body")
    assert "Invalid Parquet file" in response.json()["detail"]
    assert sample("espalier_rejected_requests_total", reason="malformed_body") == 1


def test_content_coding_is_refused(client, bearer, rows):
    headers = {**bearer(), "content-type": PARQUET, "content-encoding": "gzip"}

    assert client.post("/v1/predict", content=parquet(table(rows)), headers=headers).status_code == 415


def test_file_needs_a_token(client, rows):
    response = client.post("/v1/predict", content=parquet(table(rows)), headers={"content-type": PARQUET})

    assert response.status_code == 401


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """Have the process run some code instead of decoding."""

    def use(body):
        folder = write_library(tmp_path, body)
        monkeypatch.setattr(process, "_libraries", lambda: folder)

    return use


def test_crash_of_the_process_is_answered_and_the_next_file_predicted(send, rows, hostile, monkeypatch):
    hostile("os.abort()")

    response = send(parquet(table(rows)))

    assert (response.status_code, response.json()["code"]) == (400, "malformed_body")
    assert "is damaged" in response.json()["detail"]
    monkeypatch.undo()
    assert send(parquet(table(rows))).status_code == 200


def test_file_that_takes_too_long_is_aborted_with_its_request(send, rows, make_client, make_settings, hostile):
    hostile("time.sleep(60)")
    client = make_client(make_settings(request_timeout_seconds=1, body_timeout_seconds=0.5))

    response = send(parquet(table(rows)), to=client)

    assert (response.status_code, response.json()["code"]) == (504, "too_late")


@pytest.fixture
def settings(make_settings, request):
    return make_settings(**getattr(request, "param", {}))


@pytest.mark.parametrize("settings", [{"max_waiting_batches": 0}], indirect=True)
def test_files_that_cannot_wait_get_503_and_are_counted(send, rows, client, sample):
    client.app.state.services.columnar.parquet._batches._free = asyncio.Semaphore(0)

    response = send(parquet(table(rows)))

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert sample("espalier_overload_refusals_total", queue="batches") == 1
