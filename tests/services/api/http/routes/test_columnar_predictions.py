"""Predictions of Arrow streams and of columns in JSON."""

import json
import random
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from evaluation.encoding import encode
from tests.services.api.prediction.columnar.arrow import stream, table

ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"


@pytest.fixture
def rows(row):
    return [{**row, "height": float(place % 20), "kind": ["apple", "pear", "plum"][place % 3]} for place in range(200)]


@pytest.fixture
def send(client, bearer):
    def post(content, kind=ARROW, accept=ARROW, to=client, **params):
        headers = {**bearer(), "content-type": kind, "accept": accept}
        return to.post("/v1/predict", content=content, headers=headers, params=params)

    return post


def as_columns(rows):
    return json.dumps({"columns": {name: [row[name] for row in rows] for name in rows[0]}}).encode()


def read(response):
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == ARROW
    with pa.ipc.open_stream(response.content) as reader:
        return reader.read_all()


@pytest.mark.parametrize("count", [1, 16, 200])
@pytest.mark.parametrize("accept", [ARROW, "application/json"])
@pytest.mark.parametrize("kind", [ARROW, "application/json"])
def test_every_form_is_answered_in_every_form(send, model, rows, kind, accept, count):
    rows = rows[:count]

    response = send(stream(table(rows)) if kind == ARROW else as_columns(rows), kind, accept)

    expected = model.predict(encode(rows, model.bundle.contract))
    assert response.headers["x-model-version"] == "7"
    if accept == ARROW:
        found = read(response)
        np.testing.assert_array_equal(found["probability"].to_numpy(), expected)
        assert json.loads(found.schema.metadata[b"model"])["version"] == "7"
        assert found.schema.metadata[b"request_id"].decode() == response.headers["x-request-id"]
    else:
        predictions = response.json()["predictions"]
        assert [prediction["probability"] for prediction in predictions] == expected.tolist()


def test_rows_in_json_may_be_answered_in_arrow(send, rows):
    found = read(send(json.dumps({"rows": rows}).encode(), "application/json"))

    assert found.num_rows == len(rows)


def test_predictions_are_counted(send, rows, sample):
    send(stream(table(rows)))

    counted = [sample("espalier_predictions_total", model_version="7", label=label) for label in ("bare", "bearing")]
    assert sum(counted) == len(rows)
    kinds = [
        sample("espalier_feature_bin_total", model_version="7", feature="kind", bin=kind)
        for kind in ("apple", "pear", "plum")
    ]
    assert kinds == [67, 67, 66]


def test_problem_names_the_value_and_is_counted(send, rows, sample):
    rows[7]["kind"], rows[150]["age"] = "cherry", -1

    response = send(stream(table(rows)))

    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["errors"] == [
        {"field": "columns.age[150]", "message": "must be a whole number from 0 to 300 a"},
        {"field": "columns.kind[7]", "message": "must be one of apple, pear, plum"},
    ]
    assert sample("espalier_rejected_requests_total", reason="unknown_category") == 1
    assert sample("espalier_rejected_requests_total", reason="out_of_range") == 1


def test_malformed_stream_is_refused_and_counted(send, sample):
    response = send(b"PAR1")

    assert (response.status_code, response.json()["code"]) == (400, "malformed_body")
    assert sample("espalier_rejected_requests_total", reason="malformed_body") == 1


def test_token_of_columns_is_taken_as_feedback(send, client, bearer, rows):
    token = read(send(stream(table(rows)))).schema.metadata[b"feedback_token"].decode()
    body = {"feedback": [{"feedback_token": token, "labels": ["bare"] * len(rows)}]}

    assert client.post("/v1/feedback", json=body, headers=bearer()).json()["counted"] == len(rows)


@pytest.mark.parametrize("kind", [ARROW, "application/json"])
def test_there_is_no_token_if_none_is_wanted(send, rows, kind):
    content = stream(table(rows)) if kind == ARROW else json.dumps({"rows": rows[:3]}).encode()

    assert read(send(content, kind, feedback="false")).schema.metadata[b"feedback_token"] == b""
    assert send(content, kind, "application/json", feedback="false").json()["feedback_token"] == ""


def test_there_is_no_token_for_more_rows_than_feedback_takes(send, make_client, make_settings, rows):
    client = make_client(make_settings(max_rows=100))

    assert send(stream(table(rows[:100])), accept="application/json", to=client).json()["feedback_token"]
    assert send(stream(table(rows[:101])), accept="application/json", to=client).json()["feedback_token"] == ""


@pytest.mark.parametrize("kind", [ARROW, "application/json"])
def test_columns_have_their_own_limit_of_rows(send, make_client, make_settings, rows, kind):
    client = make_client(make_settings(max_rows=10, max_columnar_rows=150))
    content = {ARROW: lambda some: stream(table(some)), "application/json": as_columns}[kind]

    assert send(content(rows[:150]), kind, to=client).status_code == 200
    response = send(content(rows[:151]), kind, to=client)
    assert (response.status_code, response.json()["code"]) == (422, "too_many_rows")


def test_columns_have_their_own_limit_of_bytes(send, make_client, make_settings, rows):
    client = make_client(make_settings(max_body_bytes=1024, max_columnar_body_bytes=4096))

    assert send(b"x" * 4097, to=client).status_code == 413
    assert send(as_columns(rows), "application/json", to=client).status_code == 413
    assert send(as_columns(rows[:60]), "application/json", to=client).status_code == 200
    assert send(json.dumps({"rows": rows[:60]}).encode(), "application/json", to=client).status_code == 413


def test_explanations_are_columns_and_have_their_own_limit(send, make_client, make_settings, rows):
    client = make_client(make_settings(max_explain_rows=2))

    found = read(send(stream(table(rows[:2])), to=client, explain="true"))
    refused = send(stream(table(rows[:3])), to=client, explain="true")

    assert found.column_names[:4] == ["label", "probability", "base_value", "contribution.height"]
    assert (refused.status_code, refused.json()["code"]) == (422, "too_many_rows")


def test_large_body_is_refused_while_others_are_in_memory(send, client, rows):
    bodies = client.app.state.services.columnar.bodies
    large, bodies.free = b"x" * (2 * 2**20 + 1), 0

    response = send(large)

    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert send(stream(table(rows))).status_code == 200, "a small one is not"
    bodies.free = 1
    assert send(large).status_code == 400
    assert bodies.free == 1


@pytest.mark.parametrize("kind", ["application/vnd.apache.arrow.file", "text/csv"])
def test_other_types_are_refused_with_those_that_are_accepted(send, kind, sample):
    response = send(b"PAR1", kind)

    assert response.status_code == 415
    assert all(name in response.json()["detail"] for name in ("application/json", ARROW, PARQUET))
    assert sample("espalier_rejected_requests_total", reason="unsupported_media_type") == 1


def test_columns_need_a_token(client, rows):
    response = client.post("/v1/predict", content=stream(table(rows)), headers={"content-type": ARROW})

    assert response.status_code == 401


def test_damaged_streams_are_answered_with_4xx(send, rows):
    """In the reader's own test there are thousands more."""
    whole, source, statuses = stream(table(rows[:20])), random.Random(3), set()  # noqa: S311
    for _ in range(300):
        content = bytearray(whole)
        content[source.randrange(len(content))] = source.randrange(256)
        statuses.add(send(bytes(content)).status_code)

    assert statuses == {200, 400, 422}


MEASURED = """
import resource, sys
import numpy as np
from bundle import Contract, Feature
from services.api.prediction.columnar.arrow_stream import ArrowReader
from services.api.prediction.columnar.columns import Columns

names = [f"f{number}" for number in range(25)]
contract = Contract(
    model_name="t", features=tuple(Feature(name=name, type="float") for name in names),
    target={"name": "t", "classes": ("no", "yes"), "threshold": 0.5}, example=dict.fromkeys(names, 1.0),
)
reader = ArrowReader(Columns(contract), max_rows=100_000)
body = open(sys.argv[1], "rb").read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
matrix = reader.read_matrix(body)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, *matrix.shape)
"""


def test_hundred_thousand_rows_take_little_more_memory_than_the_matrix(tmp_path):
    """The matrix has 10 MB; what comes on top does not depend on the number of rows."""
    rows = pa.table({f"f{number}": np.full(100_000, number, dtype=np.float64) for number in range(25)})
    (tmp_path / "rows").write_bytes(stream(rows))

    done = subprocess.run([sys.executable, "-c", MEASURED, str(tmp_path / "rows")], capture_output=True, check=True)

    more, *shape = map(int, done.stdout.split())
    assert shape == [100_000, 25]
    assert more < 20
