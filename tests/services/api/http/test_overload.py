import json
import logging

import pytest

from services.api.draining import Drain
from services.api.errors import Busy
from services.api.http import overload as module
from services.api.http.overload import Overload
from services.api.http.problems import problem_response
from services.api.metrics.http import HttpMetrics
from services.api.metrics.shared import SharedMetrics

PATHS = ("/v1/predict", "/v2/models/{model_name}/infer", "/v2/models/{model_name}/versions/{model_version}/infer")
WAITED = 1.0
HEADERS = [(b"host", b"localhost"), (b"content-length", b"100"), (b"x-request-id", b"mine")]


class Refused:
    value = 0

    def inc(self):
        self.value += 1


@pytest.fixture
def http():
    return HttpMetrics(SharedMetrics(), {path: {"POST"} for path in PATHS})


@pytest.fixture
def drain():
    return Drain()


@pytest.fixture
def refused():
    return Refused()


@pytest.fixture
def overload(http, refused, drain):
    return Overload(http, refused, drain, max_seconds=0.25)


def split(refusal):
    head, body = refusal.content.split(b"\r\n\r\n", 1)
    return dict(line.split(b": ", 1) for line in head.split(b"\r\n")), json.loads(body)


def test_refusal_is_the_same_as_the_application_s(overload):
    headers, body = split(overload.refuse(b"/v1/predict?explain=true", HEADERS, waited=WAITED))
    expected = problem_response("mine", 503, code=body["code"], detail=body["detail"], retry_after_seconds=1)

    assert body == json.loads(expected.body)
    assert body["code"] == "overloaded"
    assert headers == {**dict(expected.raw_headers), b"x-request-id": b"mine"}
    assert headers[b"retry-after"] == str(Busy.retry_after_seconds).encode()


@pytest.mark.parametrize("path", [b"/v2/models/delays/infer", b"/v2/models/delays/versions/3/infer"])
def test_refusal_under_v2_has_the_protocol_s_form(overload, path):
    headers, body = split(overload.refuse(path, HEADERS, waited=WAITED))

    assert set(body) == {"error"}
    assert (headers[b"x-request-id"], headers[b"content-type"]) == (b"mine", b"application/json")
    assert int(headers[b"content-length"]) == len(json.dumps(body, separators=(",", ":")))


def test_request_without_an_id_gets_one_of_its_own(overload):
    ids = {split(overload.refuse(b"/v1/predict", HEADERS[:2], waited=WAITED))[0][b"x-request-id"] for _ in range(3)}

    assert {len(each) for each in ids} == {32}
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        (b"/v1/predictions", HEADERS),
        (b"/v1/auth/token", HEADERS),
        (b"/v2/models/delays", HEADERS),
        (b"/v1/predict", [(b"transfer-encoding", b"chunked")]),
        (b"/v1/predict", [(b"content-length", b"1048577")]),
        (b"/v1/predict", [(b"content-length", b"-1")]),
    ],
)
def test_other_requests_are_left_to_the_application(overload, url, headers):
    assert overload.refuse(url, headers, waited=WAITED) is None


def test_nothing_is_refused_while_draining(overload, drain):
    drain.start()  # the application closes the connection with its response

    assert overload.refuse(b"/v1/predict", HEADERS, waited=WAITED) is None


@pytest.mark.parametrize(("length", "late"), [(b"4097", 0.25), (b"4096", 0.5), (b"0", 0.5)])
def test_short_body_may_wait_twice_as_long(overload, length, late):
    headers = [(b"content-length", length)]

    assert overload.refuse(b"/v1/predict", headers, waited=late) is None
    assert overload.refuse(b"/v1/predict", headers, waited=late + 0.001) is not None


def test_only_predictions_concern_it(overload):
    assert overload.concerns(b"/v2/models/delays/infer")
    assert not overload.concerns(b"/readyz")


def test_refusals_are_counted_when_sent_and_logged_together(overload, http, refused, caplog, monkeypatch):
    now = 100.0
    monkeypatch.setattr(module.time, "perf_counter", lambda: now)
    caplog.set_level(logging.WARNING)
    for _ in range(3):
        refusal = overload.refuse(b"/v1/predict", HEADERS, waited=WAITED)
        refusal.on_sent()
    overload.refuse(b"/v1/predict", HEADERS, waited=WAITED)
    now += module.LOG_SECONDS + 1
    overload.refuse(b"/v1/predict", HEADERS, waited=WAITED).on_sent()

    counters, _ = http.of("/v1/predict", "POST")
    assert counters[5]._shared.values[counters[5].cell] == refused.value == 4
    assert [record.requests for record in caplog.records] == [1, 3]
