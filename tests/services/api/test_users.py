from datetime import UTC

import pytest

from services.api.errors import InvalidRequest, UnknownUser, UserExists
from services.api.users import open_user_store


def test_user_that_was_created_is_found(users):
    users.create("ana", "hash", ["predict", "model:read", "predict"])

    found = users.find("ana")

    assert found.scopes == {"predict", "model:read"}
    assert not found.disabled
    assert found.password_hash == "hash"
    assert users.find("bob") is None


def test_time_of_creation_is_in_utc_however_it_was_read(users):
    made = users.create("ana", "hash", ["predict"])

    assert made.created.tzinfo == UTC
    assert users.find("ana").created == users.list()[0].created == made.created


def test_name_is_taken_once(users):
    users.create("ana", "hash", ["predict"])

    with pytest.raises(UserExists, match="ana already"):
        users.create("ana", "other", ["predict"])

    assert users.find("ana").password_hash == "hash"


@pytest.mark.parametrize("name", ["", "Ana", "-ana", "a b", "a" * 65, "a\n"])
def test_strange_name_is_refused(users, name):
    with pytest.raises(InvalidRequest, match="user name"):
        users.create(name, "hash", ["predict"])


@pytest.mark.parametrize("scopes", [[], ["everything"]])
def test_scopes_are_those_that_there_are(users, scopes):
    with pytest.raises(InvalidRequest, match="predict, model:read, feedback:write, users:admin"):
        users.create("ana", "hash", scopes)


def test_disable_and_enable(users):
    users.create("ana", "hash", ["predict"])

    assert users.set_disabled("ana", True).disabled
    assert users.find("ana").disabled
    assert not users.set_disabled("ana", False).disabled


def test_unknown_user_is_said(users):
    with pytest.raises(UnknownUser, match="no user ghost"):
        users.set_disabled("ghost", True)


def test_users_are_listed_by_name(users):
    for name in ("carl", "ana", "bob"):
        users.create(name, "hash", ["predict"])

    assert [account.name for account in users.list()] == ["ana", "bob", "carl"]


def test_store_of_a_new_database_makes_its_tables(tmp_path):
    store = open_user_store(f"sqlite:///{tmp_path}/deep/er/users.db")

    assert store.list() == []
    store.close()
