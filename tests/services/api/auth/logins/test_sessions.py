import asyncio
import json
import logging

import pytest

from services.api.auth.accounts import UserChange
from services.api.auth.audit_log import OPERATOR
from services.api.auth.logins.session_store import SessionStore
from services.api.auth.logins.sessions import Sessions
from services.api.errors import InvalidRefreshToken, StoreUnavailable
from services.api.logs import JsonFormatter

ADDRESS = "203.0.113.9"


@pytest.fixture
def sessions(engine, users):
    users.create("root", "hash", ["users:admin"])
    return Sessions(SessionStore(engine, idle_seconds=100, max_seconds=1000), users)


@pytest.fixture
def begin(sessions, users):
    users.create("ana", "hash", ["predict", "model:read"])
    return lambda: str(asyncio.run(sessions.begin(users.find("ana"), ["predict"])))


def renew(sessions, text):
    return asyncio.run(sessions.renew(text, ADDRESS))


def end(sessions, text, *, everywhere=False):
    return asyncio.run(sessions.end(text, ADDRESS, everywhere=everywhere))


def test_token_is_exchanged(sessions, begin):
    renewal = renew(sessions, begin())

    assert (renewal.account.name, renewal.scopes) == ("ana", {"predict"})
    assert renew(sessions, str(renewal.token)).account.name == "ana"


CHANGES = {
    "disabled": lambda users: users.change("ana", UserChange(disabled=True)),
    "other scopes": lambda users: users.change("ana", UserChange(scopes=["predict"])),
    "new password": lambda users: users.change("ana", UserChange(password_hash="new")),
    "own new password": lambda users: users.change_own_password(users.find("ana"), "new", by=OPERATOR),
    "deleted": lambda users: users.delete("ana"),
    "disabled and enabled": lambda users: (
        users.change("ana", UserChange(disabled=True)),
        users.change("ana", UserChange(disabled=False)),
    ),
    "deleted and created": lambda users: (users.delete("ana"), users.create("ana", "hash", ["predict"])),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_the_user_ends_the_session_at_once(sessions, begin, users, change):
    text = begin()

    CHANGES[change](users)

    with pytest.raises(InvalidRefreshToken):
        renew(sessions, text)


def test_text_is_the_same_for_every_reason(sessions, begin, users):
    used, ended, changed = begin(), begin(), begin()
    renew(sessions, used)
    end(sessions, ended)
    CHANGES["disabled"](users)

    def words(text):
        with pytest.raises(InvalidRefreshToken) as caught:
            renew(sessions, text)
        return str(caught.value)

    assert words("nothing") == words(used) == words(ended) == words(changed)


def test_session_ends_with_a_used_token_too(sessions, begin):
    first = begin()
    second = str(renew(sessions, first).token)

    assert end(sessions, first) == "ana"

    with pytest.raises(InvalidRefreshToken):
        renew(sessions, second)


def test_end_of_no_session_is_no_error(sessions, begin):
    text = begin()

    assert end(sessions, text) == "ana"
    assert end(sessions, text) == ""
    assert end(sessions, "nothing", everywhere=True) == ""


def test_end_everywhere_ends_all_sessions_and_raises_the_epoch(sessions, begin, users):
    one, other = begin(), begin()
    epoch = users.find("ana").epoch

    end(sessions, one, everywhere=True)

    assert users.find("ana").epoch == epoch + 1
    with pytest.raises(InvalidRefreshToken):
        renew(sessions, other)


def test_used_token_ends_nothing_everywhere(sessions, begin, users):
    """Whoever has stolen an old one cannot log the owner out of everything."""
    first, other = begin(), begin()
    renew(sessions, first)

    end(sessions, first, everywhere=True)

    assert renew(sessions, other)


def test_refusal_is_logged_with_reason_and_without_the_token(sessions, begin, caplog):
    text = begin()
    renew(sessions, text)

    with caplog.at_level(logging.INFO), pytest.raises(InvalidRefreshToken):
        renew(sessions, text)

    (record,) = [record for record in caplog.records if record.name == "espalier.api.sessions"]
    line = json.loads(JsonFormatter().format(record))
    assert (line["subject"], line["reason"], line["address"]) == ("ana", "reused", ADDRESS)
    assert text[12:] not in json.dumps(line)


def test_end_is_logged(sessions, begin, caplog):
    with caplog.at_level(logging.INFO):
        end(sessions, begin(), everywhere=True)

    (record,) = [record for record in caplog.records if record.name == "espalier.api.sessions"]
    assert (record.message, record.subject, record.address, record.everywhere) == (
        "session ended",
        "ana",
        ADDRESS,
        True,
    )


def test_unavailable_database_ends_no_session(sessions, begin, monkeypatch):
    text = begin()

    def unavailable(*_):
        raise StoreUnavailable("the database of users does not answer; retry later")

    with monkeypatch.context() as patch:
        patch.setattr(SessionStore, "_find", unavailable)
        with pytest.raises(StoreUnavailable):
            renew(sessions, text)

    assert renew(sessions, text)
