"""Refusals and headers of a quota; the bucket: prediction/test_quota.py, the routes: routes/test_quota.py."""

import re
from collections import Counter

import pytest

from services.api.errors import QuotaExceeded, TooManyRows
from services.api.http.rate_limit import RateLimit
from services.api.prediction.quota import Quota

SECOND = 1_000_000_000

# RFC 9651: a List of Strings with parameters, of which a key has lower case, and a value is an Integer or a String.
PARAMETER = r';[a-z*][a-z0-9_.*-]*=(?:-?\d{1,15}|"[ !#-\[\]-~]*")'
ITEM = re.compile(rf'"[ !#-\[\]-~]*"(?:{PARAMETER})*')


@pytest.fixture
def refused():
    return Counter()


@pytest.fixture
def limit(refused):
    """Two rows a minute, four at once, and a clock that stands still at 0."""
    return limit_at(lambda: 0, refused)


def limit_at(now, refused):
    return RateLimit(Quota(rows_per_minute=2, burst_rows=4, now=now), lambda reason: refused.update([reason]))


def test_headers_are_structured_fields_of_the_draft(limit):
    limit.take("ana", 3)

    headers = limit.headers("ana")
    assert headers == {
        "RateLimit-Policy": '"rows";q=2;qu="rows";w=60;espalier-burst=4',
        "RateLimit": '"rows";r=1;t=30',
    }
    assert all(ITEM.fullmatch(value) for value in headers.values())


def test_line_after_taking_is_that_of_the_headers(limit):
    line = limit.take("ana", 3)

    assert line.decode() == f"ratelimit: {limit.headers('ana')['RateLimit']}\r\n"


def test_state_is_never_negative(limit):
    limit.take("ana", 4)
    assert limit.take("ana", 1) is None

    assert limit.headers("ana")["RateLimit"] == '"rows";r=0;t=30'


def test_refusal_names_the_quota_and_when_to_retry_and_is_counted(limit, refused):
    limit.take("ana", 3)

    with pytest.raises(QuotaExceeded) as caught, limit.charged("ana", 3):
        pytest.fail("predicted")

    assert str(caught.value) == (
        "the quota of 2 rows a minute for each user is used up: 1 of 3 rows are available; retry in 60 s"
    )
    assert caught.value.retry_after_seconds == 60
    assert refused == {"quota_exceeded": 1}


def test_rows_are_there_after_the_seconds_of_a_refusal(refused):
    at = 0
    limit = limit_at(lambda: at, refused)
    limit.take("ana", 4)
    with pytest.raises(QuotaExceeded) as caught:
        limit.check("ana")

    at += caught.value.retry_after_seconds * SECOND
    limit.check("ana")
    with limit.charged("ana", 1):
        pass


def test_retry_is_never_earlier_than_the_end_of_the_effective_window(refused):
    """As the draft asks for, so that a client may follow either."""
    at = 0
    limit = limit_at(lambda: at, refused)
    limit.take("ana", 4)
    for _ in range(200):
        at += SECOND * 3 // 10
        for rows in (1, 2, 4):
            try:
                with limit.charged("ana", rows):
                    raise LookupError
            except LookupError:
                continue
            except QuotaExceeded as error:
                assert error.retry_after_seconds >= int(limit.headers("ana")["RateLimit"].rpartition("=")[2])


def test_check_passes_while_a_row_is_left(limit):
    limit.take("ana", 3)
    limit.check("ana")
    limit.take("ana", 1)

    with pytest.raises(QuotaExceeded, match="0 of 1 rows are available; retry in 30 s"):
        limit.check("ana")


def test_more_rows_than_the_burst_are_refused_for_good_and_cost_as_a_refused_body(limit, refused):
    with pytest.raises(TooManyRows, match="send at most 4 rows in one request: the quota"), limit.charged("ana", 5):
        pytest.fail("predicted")

    assert refused == {"too_many_rows": 1}
    assert limit.headers("ana")["RateLimit"] == '"rows";r=3;t=30'


def test_rows_of_a_failed_request_are_given_back(limit):
    with pytest.raises(LookupError), limit.charged("ana", 4):
        raise LookupError

    assert limit.take("ana", 4) is not None


def test_refused_body_costs_a_row_and_no_more_than_there_is(limit):
    for left in (3, 2, 1, 0, 0):
        limit.charge_refused_body("ana")
        assert limit.headers("ana")["RateLimit"].startswith(f'"rows";r={left};')
