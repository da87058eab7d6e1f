from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from espalier.client.answers import as_problem, as_unreachable, is_untrusted


def test_problem_of_the_api_is_read_completely():
    body = {
        "detail": "wrong",
        "code": "invalid_rows",
        "request_id": "r",
        "errors": [{"field": "rows[0].a", "message": "m"}],
    }

    problem = as_problem(httpx.Response(422, json=body))

    assert (problem.status, problem.detail, problem.code, problem.request_id) == (422, "wrong", "invalid_rows", "r")
    assert [(field.field, field.message) for field in problem.problems] == [("rows[0].a", "m")]
    assert problem.retry_after_seconds is None


@pytest.mark.parametrize("body", [b"<html>502</html>", b"[]", b'{"errors": ["x"]}', b""])
def test_page_of_a_proxy_is_a_problem_too(body):
    problem = as_problem(httpx.Response(502, content=body, headers={"x-request-id": "seen-by-the-proxy"}))

    assert (problem.status, problem.code, problem.problems) == (502, "http_error", ())
    assert str(problem) == ("the API answered 502: Bad Gateway, without an explanation (request id seen-by-the-proxy)")


@pytest.mark.parametrize(("value", "seconds"), [("7", 7), ("", None), ("soon", None), ("-3", None)])
def test_retry_after_is_seconds(value, seconds):
    assert as_problem(httpx.Response(503, headers={"retry-after": value})).retry_after_seconds == seconds


def test_retry_after_is_a_date():
    later = datetime.now(UTC) + timedelta(seconds=60)

    found = as_problem(httpx.Response(503, headers={"retry-after": format_datetime(later, usegmt=True)}))
    past = as_problem(httpx.Response(503, headers={"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}))

    assert 55 < found.retry_after_seconds <= 60
    assert past.retry_after_seconds == 0


def test_missing_answer_names_the_address_and_the_kind_of_failure():
    assert str(as_unreachable(httpx.ReadTimeout(""), "http://api")) == "http://api did not answer: ReadTimeout"
    assert not is_untrusted(None)
