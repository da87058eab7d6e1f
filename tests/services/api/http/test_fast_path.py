"""The fast path answers what the route answers, counts and logs it alike, and leaves everything else to the route."""

import json
from dataclasses import replace

import pytest

from services.api.http import fast_path
from services.api.http.fast_path import MAX_BODY_BYTES
from tests.small_models import TYPES

IDENTICAL = ("model", "predictions", "request_id")

QUOTA = {"quota_rows_per_minute": 60, "quota_burst_rows": 200}


@pytest.fixture
def settings(request, make_settings):
    """The default settings, or those of a test that is parametrized with them."""
    return make_settings(**getattr(request, "param", {}))


@pytest.fixture
def fast(client):
    return client.app.state.fast_path


@pytest.fixture
def request_of(client, bearer):
    """The headers of a request, as the protocol parses them; the token has been verified before."""
    token = bearer("predict")["Authorization"]
    client.app.state.services.tokens.check(token.removeprefix("Bearer "))

    def make(body, **changes):
        headers = {
            "host": "testserver",
            "authorization": token,
            "content-type": "application/json",
            "content-length": str(len(body)),
            "x-request-id": "here",
            **{name.replace("_", "-"): value for name, value in changes.items()},
        }
        return [(name.encode(), value.encode()) for name, value in headers.items() if value]

    return make


def body_of(*rows):
    return json.dumps({"rows": rows}).encode()


def split(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    return dict(line.split(": ", 1) for line in head.decode().split("\r\n")), json.loads(body)


def counts(client):
    """Everything that is counted, but durations."""
    shared = client.app.state.services.metrics.shared
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for metric in shared.collect()
        for sample in metric.samples
        if "seconds_sum" not in sample.name and "seconds_bucket" not in sample.name
    }


def added(client, work):
    before = counts(client)
    result = work()
    return result, {key: value - before[key] for key, value in counts(client).items() if value != before[key]}


@pytest.fixture
def refill(client, monkeypatch):
    """Stop the clock of the quota, if there is one, and fill every bucket."""
    limit = client.app.state.services.rate_limit

    def fill():
        if limit is not None:
            monkeypatch.setattr(limit._quota, "_now", lambda: 10**15)
            limit._quota._full_at.clear()

    return fill


def left(client, user="ana"):
    return client.app.state.services.rate_limit.headers(user)["RateLimit"]


@pytest.mark.parametrize("settings", [{}, QUOTA], indirect=True, ids=["no quota", "quota"])
@pytest.mark.parametrize("number", [1, 3, 12])
@pytest.mark.parametrize("target_type", TYPES)
def test_same_answer_counts_and_log_line_as_the_route(client, fast, request_of, row, access_lines, refill, number):
    rows = [{**row, "height": float(index), "soil": None if index % 2 else "moon"} for index in range(number)]
    body = body_of(*rows)
    headers = request_of(body)

    def quickly():
        refill()
        return fast.finish(fast.begin(headers, "10.0.0.9"), body)

    def slowly():
        refill()
        return client.post("/v1/predict", content=body, headers={k.decode(): v.decode() for k, v in headers})

    answer, fast_counts = added(client, quickly)
    response, route_counts = added(client, slowly)

    sent, content = split(answer)
    assert {name: content[name] for name in IDENTICAL} == {name: response.json()[name] for name in IDENTICAL}
    verify = client.app.state.services.feedback_tokens.verify
    receipts = [verify(one["feedback_token"]) for one in (content, response.json())]
    assert receipts[0].outputs.tolist() == receipts[1].outputs.tolist()
    assert (receipts[0].subject, receipts[0].model_version) == (receipts[1].subject, receipts[1].model_version)
    assert {**sent, "content-length": ""} == {**response.headers, "content-length": ""}
    assert fast_counts == route_counts and fast_counts
    lines = [{**line, "time": "", "milliseconds": "", "address": ""} for line in access_lines()]
    assert lines[0] == lines[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"authorization": ""},
        {"authorization": "Basic YTpi"},
        {"authorization": "Bearer another"},
        {"host": "evil.example.org"},
        {"content_type": "application/json; charset=utf-8"},
        {"content_type": ""},
        {"content_length": ""},
        {"content_length": "-1"},
        {"content_length": "1" * 5000},
        {"content_length": str(MAX_BODY_BYTES + 1)},
        {"accept": "application/vnd.apache.arrow.stream"},
        {"content_encoding": "gzip"},
    ],
)
def test_other_requests_are_left_to_the_route(fast, request_of, row, changes):
    assert fast.begin(request_of(body_of(row)), None) is not None
    assert fast.begin(request_of(body_of(row), **changes), None) is None


def test_repeated_headers_are_left_to_the_route(fast, request_of, row):
    headers = request_of(body_of(row))

    assert fast.begin([*headers, (b"host", b"testserver")], None) is None


def test_token_without_the_scope_is_left_to_the_route(client, fast, request_of, bearer, row):
    token = bearer("model:read")["Authorization"]
    client.app.state.services.tokens.check(token.removeprefix("Bearer "))

    assert fast.begin(request_of(body_of(row), authorization=token), None) is None


def test_revoked_token_is_left_to_the_route(client, fast, request_of, row, monkeypatch):
    monkeypatch.setattr(client.app.state.services.revocations, "_epochs", {"ana": 2})

    assert fast.begin(request_of(body_of(row)), None) is None


def test_draining_process_leaves_requests_to_the_route_which_closes_the_connection(client, fast, request_of, row):
    client.app.state.services.drain.start()

    assert fast.begin(request_of(body_of(row)), None) is None


@pytest.mark.parametrize("body", [b"{", b"", body_of(), body_of({"height": 1}), b"[]"])
def test_refusals_are_left_to_the_route_and_not_counted(client, fast, request_of, body):
    answer, change = added(client, lambda: fast.finish(fast.begin(request_of(body), None), body))

    assert (answer, change) == (None, {})


def test_many_rows_are_left_to_the_route(client, fast, request_of, row):
    fast._services = replace(client.app.state.services, inline_rows=16)
    body = body_of(*[row] * 17)

    assert fast.finish(fast.begin(request_of(body_of(row)), None), body_of(*[row] * 16)) is not None
    assert fast.finish(fast.begin(request_of(body), None), body) is None


def test_error_is_logged_and_left_to_the_route(client, fast, request_of, row, monkeypatch, caplog):
    monkeypatch.setattr("services.api.http.counted_prediction.predict_untraced", lambda *_a, **_o: 1 / 0)
    body = body_of(row)

    answer, change = added(client, lambda: fast.finish(fast.begin(request_of(body), None), body))

    assert (answer, change) == (None, {})
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("settings", [QUOTA], indirect=True)
def test_quota_is_charged_once_by_either_path(client, fast, request_of, row, refill):
    refill()
    body = body_of(row, row, row)
    answer = fast.finish(fast.begin(request_of(body), None), body)

    assert split(answer)[0]["ratelimit"] == left(client) == '"rows";r=197;t=1'
    headers = {name.decode(): value.decode() for name, value in request_of(body)}
    assert client.post("/v1/predict", content=body, headers=headers).headers["ratelimit"] == '"rows";r=194;t=1'


@pytest.mark.parametrize("settings", [QUOTA], indirect=True)
def test_exceeded_quota_is_left_to_the_route_and_not_charged(client, fast, request_of, row, refill):
    refill()
    client.app.state.services.rate_limit.take("ana", 199)
    body = body_of(row, row)

    answer, change = added(client, lambda: fast.finish(fast.begin(request_of(body), None), body))

    assert (answer, change) == (None, {})
    assert left(client) == '"rows";r=1;t=1'


@pytest.mark.parametrize("settings", [QUOTA], indirect=True)
@pytest.mark.parametrize("body", [b"{", body_of({"height": 1})])
def test_refusals_are_charged_by_the_route_only(client, fast, request_of, refill, body):
    refill()
    fast.finish(fast.begin(request_of(body), None), body)

    assert left(client) == '"rows";r=200;t=1'


@pytest.mark.parametrize("settings", [QUOTA], indirect=True)
def test_rows_of_an_error_are_given_back(client, fast, request_of, row, refill, monkeypatch):
    refill()
    monkeypatch.setattr("services.api.http.counted_prediction.predict_untraced", lambda *_a, **_o: 1 / 0)
    body = body_of(row)
    fast.finish(fast.begin(request_of(body), None), body)

    assert left(client) == '"rows";r=200;t=1'


# --- heads that are remembered ---


@pytest.fixture
def remembered(fast, request_of, row):
    """A request without an id of its own, whose head is remembered as b"head"."""
    body = body_of(row)
    request = fast.begin(request_of(body, x_request_id=""), None)
    fast.remember(b"head", request, len(body))
    return request


def test_recalled_head_gives_the_same_answer_with_a_new_id(fast, remembered, row):
    body = body_of(row)
    again = fast.start(fast.recall(b"head"), "10.0.0.9")

    (sent, content), (_, first) = split(fast.finish(again, body)), split(fast.finish(remembered, body))
    assert (content["model"], content["predictions"]) == (first["model"], first["predictions"])
    assert content["request_id"] == sent["x-request-id"] != first["request_id"]
    assert again.address == "10.0.0.9"
    assert fast.recall(b"another") is None


def test_revoked_token_is_not_recalled(client, fast, remembered, monkeypatch):
    monkeypatch.setattr(client.app.state.services.revocations, "_epochs", {"ana": 2})

    assert fast.recall(b"head") is None


def test_expired_token_is_not_recalled(client, fast, remembered, monkeypatch):
    tokens = client.app.state.services.tokens
    monkeypatch.setattr(tokens, "_now", lambda: remembered.head.token.until)

    assert fast.recall(b"head") is None


def test_draining_process_recalls_nothing(client, fast, remembered):
    client.app.state.services.drain.start()

    assert fast.recall(b"head") is None


def test_head_with_an_id_or_with_another_body_behind_it_is_not_remembered(fast, request_of, row):
    body = body_of(row)
    fast.remember(b"with id", fast.begin(request_of(body), None), len(body))
    fast.remember(b"more", fast.begin(request_of(body, x_request_id=""), None), len(body) + 1)

    assert (fast.recall(b"with id"), fast.recall(b"more")) == (None, None)


def test_oldest_head_is_forgotten_first(fast, remembered, monkeypatch):
    monkeypatch.setattr(fast_path, "MAX_HEADS", 2)
    for digest in (b"second", b"third"):
        fast.remember(digest, remembered, remembered.body_bytes)

    assert fast.recall(b"head") is None
    assert fast.recall(b"second") is not None and fast.recall(b"third") is not None
