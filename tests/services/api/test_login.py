import asyncio

import pytest

from services.api.errors import Busy, InvalidCredentials, TooManyLogins
from services.api.login import Login
from services.api.passwords import Passwords
from services.api.throttle import LoginThrottle


@pytest.fixture
def login(users, passwords, engine):
    return Login(users, passwords, LoginThrottle(engine), concurrency=1)


def check(login, name="ana", password="grafted quince under snow"):
    return asyncio.run(login.check(name, password, "10.0.0.1"))


def test_right_password_gives_the_account(login, account):
    assert check(login).name == "ana"


def test_unknown_wrong_and_disabled_are_told_alike(login, account, users):
    def words(name, password="grafted quince under snow"):
        with pytest.raises(InvalidCredentials) as caught:
            check(login, name, password)
        return str(caught.value)

    wrong, unknown = words("ana", "wrong"), words("ghost")
    users.set_disabled("ana", True)

    assert wrong == unknown == words("ana")


def test_unknown_user_costs_a_verification_too(login, passwords, monkeypatch):
    asked = []
    monkeypatch.setattr(passwords, "verify", lambda _password, encoded: asked.append(encoded) or False)

    with pytest.raises(InvalidCredentials):
        check(login, "ghost")

    assert asked == [None]


def test_guessing_is_slowed_down(login, account):
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            check(login, password="wrong")

    with pytest.raises(TooManyLogins):
        check(login)


def test_old_hash_is_made_anew_at_login(users, engine, account):
    dearer = Passwords(passes=4, memory_kib=12288)
    before = users.find("ana").password_hash

    check(Login(users, dearer, LoginThrottle(engine), concurrency=1))

    after = users.find("ana").password_hash
    assert after != before
    assert "t=4" in after


def test_too_many_at_once_are_asked_to_come_again(login, account):
    async def two():
        return await asyncio.gather(
            *(login.check("ana", "grafted quince under snow", "10.0.0.1") for _ in range(2)), return_exceptions=True
        )

    first, second = asyncio.run(two())

    assert first.name == "ana"
    assert isinstance(second, Busy)


def test_password_is_never_logged(login, account, caplog):
    caplog.set_level("DEBUG")
    check(login)
    with pytest.raises(InvalidCredentials):
        check(login, password="a secret slip")

    assert "grafted quince" not in caplog.text
    assert "secret slip" not in caplog.text
    assert "login failed" in caplog.text
