"""Many rows in several requests, in order."""

import pandas as pd
import pytest

from espalier import ApiProblem
from espalier.client import InvalidInput, Retries, UnexpectedAnswer, exchanges
from espalier.client.exchanges import ARROW, JSON, Limits
from tests.espalier.running_api import USER


def test_many_rows_are_sent_in_several_requests(client, api, rows):
    done = []

    result = client.predict(rows(2345), progress=done.append)

    assert done == [1000, 2000, 2345]
    assert [receipt.rows for receipt in result.receipts] == [1000, 1000, 345]
    assert len(set(result.request_ids)) == len(set(result.receipts)) == 3
    assert result.versions == {"7": 2345}
    assert result.predictions[2000:] == client.predict(rows(2345)[2000:]).predictions


@pytest.mark.parametrize("kind", ["json", "arrow"])
def test_rows_are_split_when_the_api_allows_fewer(start_api, connect, rows, kind, monkeypatch):
    monkeypatch.setitem(exchanges.DEFAULT_ROWS, ARROW, 1000)
    api = start_api(kind, max_rows=100, max_columnar_rows=100)
    client = connect(api.url)

    first = client.predict(pd.DataFrame(rows(300)))
    refused = api.statuses("/v1/predict").count(422)
    second = client.predict(pd.DataFrame(rows(300)))

    assert [receipt.rows for receipt in first.receipts] == [75, 75, 75, 75]
    assert refused == 2, "300, 150, 75"
    assert api.statuses("/v1/predict").count(422) == refused, "it is remembered"
    assert second.predictions.equals(first.predictions)
    assert second.predictions["label"].tolist() == [row.label for row in client.predict(rows(300)).predictions]


def test_explained_rows_have_a_limit_of_their_own(start_api, connect, rows):
    client = connect(start_api(max_explain_rows=30).url)

    assert [receipt.rows for receipt in client.predict(rows(60), explain=True).receipts] == [30, 30]
    assert [receipt.rows for receipt in client.predict(rows(60)).receipts] == [60]


def test_body_that_is_too_large_is_split(start_api, connect, rows):
    api = start_api(max_body_bytes=5000, small_body_bytes=1024)

    result = connect(api.url).predict(rows(200))

    assert 413 in api.statuses("/v1/predict")
    assert sum(receipt.rows for receipt in result.receipts) == 200


def test_quota_is_waited_for_and_its_burst_divides_the_rows(start_api, connect, rows):
    api = start_api(quota_rows_per_minute=6000, quota_burst_rows=100)

    result = connect(api.url, retries=Retries(attempts=5)).predict(rows(180))

    assert [receipt.rows for receipt in result.receipts] == [90, 90]
    assert api.statuses("/v1/predict") == [422, 200, 429, 200], (
        "too many at once; half of them; too early; after a second"
    )


def test_problems_name_rows_of_the_whole_table(client, rows):
    wrong = rows(25)
    wrong[23]["kind"] = "cherry"

    with pytest.raises(ApiProblem) as caught:
        client.predict(wrong, rows_per_request=10)

    assert [field.field for field in caught.value.problems] == ["rows[23].kind"]
    assert "rows[23].kind must be one of" in str(caught.value)


def test_rows_per_request_is_positive(client, rows):
    with pytest.raises(InvalidInput, match="at least 1"):
        client.predict(rows(1), rows_per_request=0)


def test_one_row_that_is_too_large_is_not_split():
    problem = ApiProblem(413, "the body is too large", "body_too_large")

    assert not Limits().learn(problem, JSON, 1, explain=False)
    assert not Limits().learn(ApiProblem(415, ""), JSON, 10, explain=False)
    assert not Limits().learn(ApiProblem(422, "", "invalid_rows"), JSON, 10, explain=False)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({}, "no predictions"),
        ({"predictions": [], "model": {"name": "orchard", "version": "7"}}, "1 rows were sent, but 0 predictions"),
        ({"predictions": [{"label": "bare"}], "model": {"name": "orchard", "version": "7"}}, "no predictions"),
        ({"predictions": [{"label": "bare", "probability": 0.5}], "model": {}}, "names no model"),
        (b"<html>", "expected JSON"),
        ([], "expected JSON"),
    ],
    ids=str,
)
def test_answer_of_something_else_is_reported(answering, connect, rows, answer, reason):
    url = answering(lambda _: (200, answer))

    with pytest.raises(UnexpectedAnswer, match=reason):
        connect(url, token=USER).predict(rows(1))
