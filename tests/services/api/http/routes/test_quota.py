"""The quota of a user on every route that predicts, in every form. The fast path: ../test_fast_path.py."""

import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from services.api.errors import Busy
from services.api.http import counted_prediction
from services.api.http.media_types import ARROW, PARQUET
from tests.services.api.prediction.inference.tensors import body, tensors_of

INFER = "/v2/models/orchard/infer"
POLICY = '"rows";q=60;qu="rows";w=60;espalier-burst=300'
SECOND = 1_000_000_000


class Clock:
    at = 10**15

    def __call__(self):
        return self.at


@pytest.fixture
def settings(make_settings):
    """A row a second, and more at once than are predicted on the event loop."""
    return make_settings(quota_rows_per_minute=60, quota_burst_rows=300)


@pytest.fixture
def clock(client, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(client.app.state.services.rate_limit._quota, "_now", clock)
    return clock


def as_rows(rows):
    return "/v1/predict", json.dumps({"rows": rows}).encode(), "application/json"


def as_columns(rows):
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return "/v1/predict", json.dumps({"columns": columns}).encode(), "application/json"


def as_arrow(rows):
    table, sink = pa.Table.from_pylist(rows), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return "/v1/predict", sink.getvalue().to_pybytes(), ARROW


def as_parquet(rows):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return "/v1/predict", sink.getvalue().to_pybytes(), PARQUET


def explained(rows):
    return "/v1/predict?explain=true", *as_rows(rows)[1:]


def as_tensors(rows):
    return INFER, body(*tensors_of(rows))[0], "application/json"


FORMS = [as_rows, as_columns, as_arrow, as_parquet, explained, as_tensors]


@pytest.fixture
def send(client, clock, bearer, row):
    """Send a number of rows, or other content."""

    def post(form, number=1, content=None, name="ana"):
        path, rows, kind = form([row] * number)
        headers = {**bearer(name=name), "content-type": kind}
        return client.post(path, content=rows if content is None else content, headers=headers)

    return post


def state(response):
    return response.headers["ratelimit-policy"], response.headers["ratelimit"]


@pytest.mark.parametrize("form", FORMS)
def test_request_costs_its_rows_and_says_what_is_left(send, form):
    response = send(form, 40)

    assert response.status_code == 200
    assert state(response) == (POLICY, '"rows";r=260;t=1')
    assert state(send(form, 1)) == (POLICY, '"rows";r=259;t=1')


@pytest.mark.parametrize("form", [form for form in FORMS if form is not explained])
def test_many_rows_that_are_predicted_in_a_thread_cost_the_same(send, form):
    assert state(send(form, 200)) == (POLICY, '"rows";r=100;t=1')
    assert state(send(form, 150)) == (POLICY, '"rows";r=100;t=1')


@pytest.mark.parametrize("form", FORMS)
def test_rows_beyond_the_quota_are_refused_before_they_are_predicted(send, form, sample, monkeypatch):
    send(as_rows, 270)
    monkeypatch.setattr(counted_prediction, "predict_matrix", lambda *_arguments, **_options: pytest.fail("predicted"))

    response = send(form, 40)

    assert (response.status_code, response.headers["retry-after"]) == (429, "10")
    assert state(response) == (POLICY, '"rows";r=30;t=1')
    detail = "the quota of 60 rows a minute for each user is used up: 30 of 40 rows are available; retry in 10 s"
    if form is as_tensors:
        assert response.json() == {"error": detail}
    else:
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert (problem["status"], problem["code"], problem["detail"]) == (429, "quota_exceeded", detail)
    assert sample("espalier_rejected_requests_total", reason="quota_exceeded") == 1


@pytest.mark.parametrize("form", FORMS)
def test_without_a_row_left_the_body_is_not_read(send, form, sample):
    send(as_rows, 300)

    response = send(form, content=b"not what the route expects")

    assert (response.status_code, response.headers["retry-after"]) == (429, "1")
    assert state(response) == (POLICY, '"rows";r=0;t=1')
    assert sample("espalier_rejected_requests_total", reason="quota_exceeded") == 1
    assert sample("espalier_rejected_requests_total", reason="malformed_body") == 0


def test_after_the_time_that_was_told_the_rows_are_predicted(send, clock):
    send(as_rows, 300)
    wait = int(send(as_rows, 20).headers["retry-after"])
    clock.at += wait * SECOND
    wait = int(send(as_rows, 20).headers["retry-after"])
    clock.at += wait * SECOND

    assert send(as_rows, 20).status_code == 200


@pytest.mark.parametrize("form", FORMS)
def test_refused_body_costs_a_row(send, form, sample):
    response = send(form, content=b"not what the route expects")

    assert 400 <= response.status_code < 429
    assert state(response) == (POLICY, '"rows";r=299;t=1')
    assert state(send(form)) == (POLICY, '"rows";r=298;t=1')


@pytest.mark.parametrize("form", [form for form in FORMS if form is not explained])
def test_more_rows_than_are_ever_available_are_refused_for_good(send, form, sample):
    response = send(form, 301)

    assert response.status_code == 422
    assert "retry-after" not in response.headers
    detail = "send at most 300 rows in one request: the quota of a user is never more at once"
    if form is as_tensors:
        assert response.json() == {"error": detail}
    else:
        assert (response.json()["code"], response.json()["detail"]) == ("too_many_rows", detail)
    assert state(response) == (POLICY, '"rows";r=299;t=1')
    assert sample("espalier_rejected_requests_total", reason="too_many_rows") == 1


def test_users_have_quotas_of_their_own(send):
    send(as_rows, 300)

    assert send(as_rows).status_code == 429
    assert state(send(as_rows, name="bob")) == (POLICY, '"rows";r=299;t=1')


def test_tokens_of_one_user_share_its_quota(send, client, clock, issuer, row):
    for _ in range(2):
        headers = {"authorization": f"Bearer {issuer.issue('ana', ('predict',), epoch=1)}"}
        response = client.post("/v1/predict", json={"rows": [row]}, headers=headers)

    assert state(response) == (POLICY, '"rows";r=298;t=1')


@pytest.mark.parametrize("form", [as_rows, as_tensors])
@pytest.mark.parametrize(("error", "status"), [(Busy("full"), 503), (RuntimeError("broken"), 500)])
def test_rows_that_are_not_predicted_cost_nothing(send, client, form, monkeypatch, error, status):
    async def fail(*_arguments, **_options):
        raise error

    monkeypatch.setattr(client.app.state.batches, "run", fail)
    client.app.state.services = replace(client.app.state.services, inline_rows=16)

    response = send(form, 200)

    assert response.status_code == status
    assert state(response) == (POLICY, '"rows";r=300;t=1')


@pytest.mark.parametrize(
    ("method", "path", "scopes", "status"),
    [
        ("POST", "/v1/predict", (), 401),
        ("POST", "/v1/predict", ("model:read",), 403),
        ("GET", "/v1/model", ("model:read",), 200),
        ("GET", "/v2/models/orchard/ready", ("predict",), 200),
    ],
)
def test_other_callers_and_routes_have_no_quota(client, bearer, method, path, scopes, status):
    response = client.request(method, path, headers=bearer(*scopes) if scopes else {})

    assert response.status_code == status
    assert not {"ratelimit", "ratelimit-policy"} & set(response.headers)


def test_there_is_no_quota_by_default(make_client, make_settings, bearer, row):
    client = make_client(make_settings())
    response = client.post("/v1/predict", json={"rows": [row]}, headers=bearer())

    assert client.app.state.services.rate_limit is None
    assert response.status_code == 200
    assert not {"ratelimit", "ratelimit-policy"} & set(response.headers)


@pytest.mark.parametrize(
    ("changes", "policy"),
    [
        ({"quota_rows_per_minute": 1000}, '"rows";q=1000;qu="rows";w=60;espalier-burst=1000'),
        ({"quota_rows_per_minute": 1000, "workers": 3}, '"rows";q=333;qu="rows";w=60;espalier-burst=333'),
        (
            {"quota_rows_per_minute": 1000, "quota_burst_rows": 50, "workers": 4},
            '"rows";q=250;qu="rows";w=60;espalier-burst=12',
        ),
    ],
)
def test_workers_have_equal_shares_of_a_pods_quota(make_client, make_settings, changes, policy):
    client = make_client(make_settings(**changes))

    assert client.app.state.services.rate_limit.policy == policy
