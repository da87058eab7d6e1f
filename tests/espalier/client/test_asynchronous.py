"""``AsyncClient`` against the real API."""

import asyncio

import httpx
import pandas as pd
import pytest

from espalier import ApiProblem, AsyncClient
from espalier.client import ApiUnreachable, InvalidInput, Retries
from tests.espalier.running_api import PASSWORD, USER


@pytest.fixture
def call(api):
    """Run a coroutine with a client in an event loop of its own."""

    def run(use, url=api.url, **options):
        who = {} if "token" in options else {"username": USER, "password": PASSWORD}

        async def inside():
            async with AsyncClient(url, **{**who, "retries": Retries(attempts=1), "timeout": 120, **options}) as client:
                return await use(client)

        return asyncio.run(inside())

    return run


def test_answers_equal_those_of_the_other_client(call, client, rows):
    async def use(connected):
        result = await connected.predict(rows(10), rows_per_request=4)
        taken = await connected.feedback(result, ["bare"] * 10)
        return result, taken, await connected.model()

    result, taken, model = call(use)

    assert result.predictions == client.predict(rows(10)).predictions
    assert [receipt.rows for receipt in result.receipts] == [4, 4, 2]
    assert (taken.counted, taken.already_counted) == (10, 0)
    assert model == client.model()


def test_contributions_and_tables_are_returned(call, rows):
    async def use(client):
        explained = await client.predict(rows(2), explain=True)
        return explained, await client.predict(pd.DataFrame(rows(3), index=[7, 8, 9]))

    explained, table = call(use)

    assert explained.predictions[1].contributions
    assert table.predictions.index.tolist() == [7, 8, 9]


def test_tasks_share_one_login(call, api, rows):
    async def use(client):
        return await asyncio.gather(*(client.predict(rows(3)) for _ in range(8)))

    assert [len(result) for result in call(use)] == [3] * 8
    assert api.statuses("/v1/auth/token") == [200]


def test_revoked_token_is_replaced_once_for_all_tasks(call, api, rows):
    async def use(client):
        login = client._connection.auth
        login.keep(httpx.Response(200, json={"access_token": "revoked", "expires_in": 900}))
        return await asyncio.gather(*(client.predict(rows(1)) for _ in range(4)))

    assert [len(result) for result in call(use)] == [1] * 4
    assert api.statuses("/v1/auth/token") == [200]
    assert sorted(api.statuses("/v1/predict"))[:4] == [200] * 4


def test_problems_are_raised(call, rows):
    wrong = rows(3)
    wrong[2]["kind"] = "cherry"

    with pytest.raises(ApiProblem) as caught:
        call(lambda client: client.predict(wrong, rows_per_request=1))
    assert [field.field for field in caught.value.problems] == ["rows[2].kind"]
    with pytest.raises(ApiProblem, match="401"):
        call(lambda client: client.model(), password="wrong plum under snow")
    with pytest.raises(ApiUnreachable, match="did not answer"):
        call(lambda client: client.model(), url="http://127.0.0.1:1")


def test_login_on_request(call):
    answer = call(lambda client: client.log_in())

    assert answer["token_type"] == "bearer"
    with pytest.raises(InvalidInput, match="no user to log in"):
        call(lambda client: client.log_in(), token=answer["access_token"])
    assert call(lambda client: client.model(), token=answer["access_token"])["name"] == "orchard"


def test_client_names_its_address_and_user(call, api):
    async def use(client):
        return repr(client), client.url

    assert call(use) == (f"AsyncClient('{api.url}', username='ana')", api.url)
