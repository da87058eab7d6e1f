"""``Client`` against the real API."""

import logging
import pickle
import threading

import httpx
import pandas as pd
import pytest

from espalier.client import ApiProblem, ApiUnreachable, Client, InvalidInput, Receipt, Retries
from espalier.client.access import Login
from tests.espalier.running_api import PASSWORD, USER


def test_rows_become_predictions_in_order(client, api, rows):
    result = client.predict(rows(20))

    assert len(result) == len(result.predictions) == 20
    assert {prediction.label for prediction in result.predictions} <= {"bare", "bearing"}
    assert len({prediction.probability for prediction in result.predictions}) > 1
    one_by_one = [client.predict([row]).predictions[0] for row in rows(20)]
    assert result.predictions == one_by_one
    assert (result.model.name, result.model.version, result.versions) == ("orchard", "7", {"7": 20})
    assert result.model.git_commit == "abcdef0"
    assert all(result.request_ids)


def test_missing_values_and_numbers_of_numpy_are_sent(client, row):
    numpy = pytest.importorskip("numpy")
    pandas = pytest.importorskip("pandas")
    without = client.predict([{**row, "height": None}]).predictions

    for missing in (float("nan"), numpy.float32("nan"), pandas.NA, pandas.NaT):
        assert client.predict([{**row, "height": missing}]).predictions == without
    same = {**row, "height": numpy.float64(3.5), "age": numpy.int64(12), "grafted": numpy.bool_(True)}
    assert client.predict([same]).predictions == client.predict([row]).predictions


def test_contributions_are_explained(client, rows, contract):
    result = client.predict(rows(3), explain=True)

    names = {feature.name for feature in contract.features}
    assert all(set(prediction.contributions) == names for prediction in result.predictions)
    assert all(isinstance(prediction.base_value, float) for prediction in result.predictions)
    assert client.predict(rows(1)).predictions[0].contributions is None


def test_model_is_returned(client):
    assert client.model()["contract"]["model_name"] == "orchard"


def test_feedback_counts_each_row_once(client, rows):
    result = client.predict(rows(5), rows_per_request=2)

    first = client.feedback(result, ["bare", None, "bearing", "bare", None])
    kept = [Receipt(receipt.feedback_token, receipt.rows) for receipt in result.receipts]
    second = client.feedback(kept, ["bare", "bare", "bearing", "bare", None])

    assert [receipt.rows for receipt in result.receipts] == [2, 2, 1]
    assert (first.counted, first.already_counted) == (3, 0)
    assert (second.counted, second.already_counted) == (1, 3)


def test_feedback_has_one_label_for_each_row(client, api, rows):
    result = client.predict(rows(2))

    with pytest.raises(InvalidInput, match="2 rows were predicted, but there are 3 labels"):
        client.feedback(result, ["bare"] * 3)
    assert api.statuses("/v1/feedback") == []


def test_feedback_needs_a_token(client, api, rows):
    with pytest.raises(InvalidInput, match="rows_per_request=1000"):
        client.feedback([Receipt("", 1)], ["bare"])
    assert api.statuses("/v1/feedback") == []


def test_request_with_too_many_rows_has_no_token(client, rows):
    result = client.predict(pd.DataFrame(rows(1001)))

    with pytest.raises(InvalidInput, match="rows_per_request=1000"):
        client.feedback(result, ["bare"] * 1001)


def test_problem_names_fields_code_and_request(client, rows):
    wrong = rows(3)
    wrong[1]["kind"] = "cherry"
    wrong[2]["age"] = "old"

    with pytest.raises(ApiProblem) as caught:
        client.predict(wrong)

    problem = caught.value
    assert (problem.status, problem.code) == (422, "invalid_rows")
    assert [field.field for field in problem.problems] == ["rows[1].kind", "rows[2].age"]
    assert problem.problems[0].message == "must be one of apple, pear, plum"
    assert problem.request_id in str(problem) and problem.request_id
    assert str(pickle.loads(pickle.dumps(problem))) == str(problem)  # noqa: S301 (made here)


def test_token_is_kept(client, api, rows):
    client.predict(rows(1))
    client.predict(rows(1))
    client.model()

    assert api.statuses("/v1/auth/token") == [200]


def test_wrong_password_is_reported_and_not_repeated(api, connect, rows):
    client = connect(api.url, password="wrong plum under snow", retries=Retries())

    with pytest.raises(ApiProblem) as caught:
        client.predict(rows(1))

    assert (caught.value.status, caught.value.code) == (401, "invalid_credentials")
    assert api.statuses("/v1/auth/token") == [401]


def test_locked_out_user_learns_for_how_long(api, connect, rows):
    """The wait is longer than a client waits, so it reports it at once."""
    client = connect(api.url, password="wrong plum under snow", retries=Retries(attempts=3, seconds=0.001))

    for _ in range(20):
        with pytest.raises(ApiProblem) as caught:
            client.predict(rows(1))
        if caught.value.status == 429:
            break

    assert caught.value.code == "too_many_logins"
    assert caught.value.retry_after_seconds >= 1


def test_revoked_token_is_replaced_once(client, api, rows, monkeypatch):
    client.predict(rows(1))
    login: Login = client._connection.auth
    login.keep(httpx.Response(200, json={"access_token": "revoked", "expires_in": 900}))

    assert len(client.predict(rows(1))) == 1
    assert api.statuses("/v1/predict") == [200, 401, 200]
    assert api.statuses("/v1/auth/token") == [200, 200]


def test_fixed_token_is_not_replaced(api, connect, client, rows):
    token = client.log_in()["access_token"]

    assert len(connect(api.url, token=token).predict(rows(1))) == 1
    with pytest.raises(ApiProblem, match="401"):
        connect(api.url, token="expired").predict(rows(1))
    with pytest.raises(InvalidInput, match="no user to log in"):
        connect(api.url, token=token).log_in()
    assert api.statuses("/v1/auth/token") == [200]


def test_threads_share_one_login(client, api, rows):
    numbers = []
    threads = [threading.Thread(target=lambda: numbers.append(len(client.predict(rows(3))))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert numbers == [3] * 8
    assert api.statuses("/v1/auth/token") == [200]


def test_password_and_token_are_shown_nowhere(api, connect, rows, caplog):
    caplog.set_level(logging.DEBUG)
    client = connect(api.url)
    token = client.log_in()["access_token"]
    client.predict(rows(1))
    refused = connect(api.url, password="wrong plum under snow")
    with pytest.raises(ApiProblem) as caught:
        refused.model()

    shown = f"{client!r} {refused!r} {client._connection.auth!r} {caught.value!r} {caught.value} {caplog.text}"
    assert repr(client) == f"Client('{api.url}', username='{USER}')"
    assert caplog.text
    for secret in (PASSWORD, "wrong plum", "plum+under", token):
        assert secret not in shown


def test_missing_api_is_reported(connect, rows):
    with pytest.raises(ApiUnreachable, match=r"http://127\.0\.0\.1:1 did not answer"):
        connect("http://127.0.0.1:1").predict(rows(1))


def test_untrusted_certificate_is_explained(fake_api, connect, rows):
    with pytest.raises(ApiUnreachable, match="with ca=FILE"):
        connect(fake_api.url, retries=Retries(attempts=5)).predict(rows(1))
    assert len(connect(fake_api.url, password=fake_api.password, ca=fake_api.ca).predict(rows(1))) == 1


def test_transport_can_replace_the_network(rows):
    def answer(request):
        return httpx.Response(200, json={"access_token": "t"} if "token" in request.url.path else {"name": "orchard"})

    with Client("http://api", username="ana", password="x", transport=httpx.MockTransport(answer)) as client:
        assert client.model() == {"name": "orchard"}
