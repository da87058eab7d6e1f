"""When a token is fetched, and what becomes of a login that fails."""

import asyncio

import httpx
import pytest

from espalier.client import ApiProblem, UnexpectedAnswer
from espalier.client.access import Login


class Server:
    """Gives a new token to each login, and takes only the last."""

    def __init__(self, **token):
        self.token, self.logins, self.asked = {"expires_in": 900, **token}, 0, 0
        self.clock = 0.0
        self.login = Login("http://api/v1/auth/token", "ana", "secret", clock=lambda: self.clock)

    def answer(self, request):
        if request.url.path == "/v1/auth/token":
            assert request.content == b"grant_type=password&username=ana&password=secret"
            self.logins += 1
            return httpx.Response(200, json={"access_token": f"t{self.logins}", **self.token})
        self.asked += 1
        is_last = request.headers["Authorization"] == f"Bearer t{self.logins}"
        return httpx.Response(200 if is_last else 401)

    def ask(self):
        with httpx.Client(transport=httpx.MockTransport(self.answer), auth=self.login) as client:
            return client.get("http://api/v1/model").status_code


@pytest.mark.parametrize(("lifetime", "kept_until"), [(900, 870), (100, 90), (10, 9)])
def test_token_is_replaced_before_it_expires(lifetime, kept_until):
    server = Server(expires_in=lifetime)

    server.ask()
    server.clock = kept_until - 0.1
    assert (server.ask(), server.logins) == (200, 1)
    server.clock = kept_until
    assert (server.ask(), server.logins, server.asked) == (200, 2, 3)


def test_token_without_a_lifetime_is_kept_until_it_is_refused():
    server = Server(expires_in=None)

    server.ask()
    server.clock = 1e9
    assert (server.ask(), server.logins) == (200, 1)
    server.logins = 7  # as if it had been revoked
    assert (server.ask(), server.logins) == (200, 8)


def test_token_that_is_refused_twice_is_not_fetched_again():
    server = Server(access_token="always the same")

    assert (server.ask(), server.logins) == (401, 1)
    assert (server.ask(), server.logins) == (401, 2)


def test_answer_without_a_token_is_reported():
    server = Server()

    with pytest.raises(UnexpectedAnswer, match="no access_token"):
        server.login.keep(
            httpx.Response(200, json={"token_type": "bearer"}, request=httpx.Request("POST", "http://api"))
        )
    with pytest.raises(ApiProblem, match="503"):
        server.login.keep(httpx.Response(503))


def test_failed_login_leaves_no_lock_behind():
    server = Server()
    answer, server.answer = server.answer, lambda _: httpx.Response(503)

    with pytest.raises(ApiProblem, match="503"):
        server.ask()
    server.answer = answer
    assert server.ask() == 200


class RefreshingServer(Server):
    """Gives a refresh token too, and takes each once."""

    def __init__(self, **token):
        super().__init__(**token)
        self.refreshes, self.status, self.refresh_token = 0, 200, ""

    def answer(self, request):
        if request.url.path == "/v1/auth/refresh":
            self.refreshes += 1
            known = request.content == f"grant_type=refresh_token&refresh_token={self.refresh_token}".encode()
            if self.status != 200 or not known:
                return httpx.Response(401 if self.status == 200 else self.status)
            self.logins += 1
            return self.with_refresh_token(httpx.Response(200, json={"access_token": f"t{self.logins}", **self.token}))
        answer = super().answer(request)
        return self.with_refresh_token(answer) if request.url.path == "/v1/auth/token" else answer

    def with_refresh_token(self, answer):
        self.refresh_token = f"r{self.logins}"
        return httpx.Response(200, json={**answer.json(), "refresh_token": self.refresh_token})


def expire(server):
    server.clock += 1000


def test_token_is_renewed_without_the_password():
    server = RefreshingServer()

    for _ in range(3):
        assert server.ask() == 200
        expire(server)

    assert (server.logins, server.refreshes) == (3, 2)


@pytest.mark.parametrize("status", [401, 404])
def test_password_is_sent_if_the_refresh_token_is_refused(status):
    """404 is of an API of before sessions, during a rollout."""
    server = RefreshingServer()
    server.ask()
    expire(server)
    server.status = status

    assert (server.ask(), server.refreshes, server.logins) == (200, 1, 2)
    expire(server)
    server.status = 200
    assert (server.ask(), server.refreshes, server.logins) == (200, 2, 3)


@pytest.mark.parametrize("status", [429, 503])
def test_refresh_token_is_kept_while_the_api_is_unavailable(status):
    server = RefreshingServer()
    server.ask()
    expire(server)
    server.status = status

    with pytest.raises(ApiProblem, match=str(status)):
        server.ask()
    server.status = 200

    assert (server.ask(), server.refreshes, server.logins) == (200, 2, 2)


def test_tokens_of_asyncio_are_renewed_without_the_password():
    server = RefreshingServer()

    async def ask():
        async with httpx.AsyncClient(transport=httpx.MockTransport(server.answer), auth=server.login) as client:
            for _ in range(3):
                assert (await client.get("http://api/v1/model")).status_code == 200
                expire(server)

    asyncio.run(ask())

    assert (server.logins, server.refreshes) == (3, 2)
