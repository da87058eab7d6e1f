import asyncio
import json

import pytest

from services.api.auth.accounts import UserChange
from services.api.auth.logins.login import Login
from services.api.auth.logins.login_throttle import LoginThrottle
from services.api.auth.passwords.hashing import Passwords
from services.api.errors import Busy, InvalidCredentials, TooManyLogins, WeakPassword
from services.api.logs import JsonFormatter


@pytest.fixture
def login(users, passwords, engine):
    return Login(users, passwords, LoginThrottle(engine), concurrency=1)


PASSWORD = "grafted quince under snow"


def check(login, name="ana", password=PASSWORD, address="10.0.0.1"):
    return asyncio.run(login.check(name, password, address))


def test_right_password_returns_the_account(login, account):
    assert check(login).name == "ana"


def test_unknown_wrong_and_disabled_get_the_same_error(login, account, users):
    def words(name, password="grafted quince under snow"):
        with pytest.raises(InvalidCredentials) as caught:
            check(login, name, password)
        return str(caught.value)

    wrong, unknown = words("ana", "wrong"), words("ghost")
    users.create("root", "hash", ["users:admin"])
    users.change("ana", UserChange(disabled=True))

    assert wrong == unknown == words("ana")


def test_unknown_user_costs_a_verification(login, passwords, monkeypatch):
    asked = []
    monkeypatch.setattr(passwords, "verify", lambda _password, encoded: asked.append(encoded) or False)

    with pytest.raises(InvalidCredentials):
        check(login, "ghost")

    assert asked == [None]


def test_failed_logins_are_throttled(login, account):
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            check(login, password="wrong")

    with pytest.raises(TooManyLogins):
        check(login)


def test_outdated_hash_is_replaced_at_login(users, engine, account):
    dearer = Passwords(passes=4, memory_kib=12288)
    before = users.find("ana").password_hash

    check(Login(users, dearer, LoginThrottle(engine), concurrency=1))

    after = users.find("ana").password_hash
    assert after != before
    assert "t=4" in after


def test_too_many_logins_at_once_get_busy(login, account):
    async def two():
        return await asyncio.gather(
            *(login.check("ana", "grafted quince under snow", "10.0.0.1") for _ in range(2)), return_exceptions=True
        )

    results = asyncio.run(two())

    assert sorted(type(result).__name__ for result in results) == ["Account", "Busy"]


def test_password_is_never_logged(login, account, caplog):
    caplog.set_level("DEBUG")
    check(login)
    with pytest.raises(InvalidCredentials):
        check(login, password="a secret slip")

    logged = str([vars(record) for record in caplog.records])  # with the fields that the text leaves out
    assert "grafted quince" not in logged
    assert "secret slip" not in logged
    assert "login failed" in logged


def test_failed_login_is_logged_with_user_and_address(login, account, caplog):
    with pytest.raises(InvalidCredentials):
        check(login, "x" * 1000, "wrong", "203.0.113.9")

    (record,) = [record for record in caplog.records if record.message == "login failed"]
    assert (record.subject, record.address, record.reason) == ("x" * 64, "203.0.113.9", "invalid_credentials")


def test_user_name_cannot_forge_a_log_line(login, account, caplog):
    forged = 'x"}\n{"message": "login", "subject": "ana\ud800\u2028'
    with pytest.raises(InvalidCredentials):
        check(login, forged, "wrong")

    (record,) = [record for record in caplog.records if record.message == "login failed"]
    line = JsonFormatter().format(record)
    assert line.isascii() and "\n" not in line
    assert json.loads(line)["subject"] == forged


def test_refused_login_takes_no_slot_from_others(login, account, passwords):
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            check(login, password="wrong")

    async def flood():
        refused = (login.check("ana", "wrong", "10.0.0.1") for _ in range(30))
        return await asyncio.gather(*refused, login.check("ana", PASSWORD, "203.0.113.8"), return_exceptions=True)

    *others, owner = asyncio.run(flood())
    assert {type(one) for one in others} == {TooManyLogins}
    assert owner.name == "ana"


def test_owner_can_log_in_under_a_distributed_attack(login, account):
    for number in range(30):
        with pytest.raises(InvalidCredentials):
            check(login, password="wrong", address=f"198.51.100.{number}")

    assert check(login, address="203.0.113.8").name == "ana"


def test_known_caller_waits_while_unknown_ones_are_refused(users, passwords, engine, account):
    login = Login(users, passwords, LoginThrottle(engine), concurrency=2)
    check(login, address="203.0.113.8")

    async def flood():
        guesses = (login.check("ana", "wrong", f"198.51.100.{number}") for number in range(12))
        logins = (login.check("ana", PASSWORD, "203.0.113.8") for _ in range(6))
        return await asyncio.gather(*guesses, *logins, return_exceptions=True)

    results = asyncio.run(flood())
    assert {type(one) for one in results[:12]} <= {Busy, InvalidCredentials}
    assert [one.name for one in results[12:]] == ["ana"] * 6


def test_rehash_does_not_undo_a_password_change(users, engine, account):
    before = users.find("ana").password_hash
    users.change("ana", UserChange(password_hash="of a new password"))

    assert not users.replace_hash("ana", before, "of the old password")
    assert users.find("ana").password_hash == "of a new password"


def test_new_password_is_checked_and_hashed_in_a_slot_off_the_event_loop(login, passwords):
    encoded = asyncio.run(login.hash_new(PASSWORD, user="ana"))

    assert passwords.verify(PASSWORD, encoded)
    with pytest.raises(WeakPassword):
        asyncio.run(login.hash_new("passwordpassword", user="ana"))
