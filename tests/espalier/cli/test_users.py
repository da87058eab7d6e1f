"""``espalier users`` as people call it, on a database of its own."""

import io
import json
import sys

import pytest

from services.api.auth.passwords.hashing import Passwords
from services.api.auth.passwords.password_resets import PasswordResets
from services.api.auth.users import open_user_store


@pytest.fixture
def database(tmp_path):
    return f"sqlite:///{tmp_path}/users.db"


@pytest.fixture
def users(run, database):
    return lambda *arguments: run("users", *arguments, "--database", database)


@pytest.fixture
def account(database):
    def find(name):
        store = open_user_store(database)
        found = store.find(name)
        store.close()
        return found

    return find


@pytest.fixture
def typed(monkeypatch):
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_user_is_created_changed_listed_and_deleted(users):
    created = json.loads(users("create", "ana", "--scope", "predict", "--json")[1])
    assert len(created["password"]) >= 20
    assert users("create", "ana")[0] == 2
    assert "ana" in users("list")[1]
    assert json.loads(users("disable", "ana", "--json")[1])["disabled"]
    assert not json.loads(users("enable", "ana", "--json")[1])["disabled"]
    changed = json.loads(users("scopes", "ana", "--scope", "predict", "--scope", "model:read", "--json")[1])
    assert changed["scopes"] == ["model:read", "predict"]
    assert json.loads(users("list", "--json")[1])[0]["scopes"] == ["model:read", "predict"]
    assert json.loads(users("delete", "ana", "--json")[1]) == {"name": "ana", "deleted": True}
    assert json.loads(users("list", "--json")[1]) == []


@pytest.mark.parametrize("command", ["create", "password"])
def test_only_the_password_is_printed_to_stdout(users, account, command):
    users("create", "ana")

    code, out, stderr = users(command, "bob" if command == "create" else "ana")

    name = "bob" if command == "create" else "ana"
    assert code == 0
    assert out.count("\n") == 1
    assert Passwords().verify(out.strip(), account(name).password_hash)
    assert out.strip() not in stderr


def test_password_from_stdin_is_checked_and_not_printed(users, account, typed):
    typed("password\n")
    code, out, stderr = users("create", "ana", "--password-stdin")
    assert code == 2
    assert "12 to 256 characters" in stderr

    typed("seven slow herons landing\n")
    code, out, stderr = users("create", "ana", "--password-stdin")
    assert code == 0
    assert "herons" not in out + stderr

    typed("eleven quiet otters\n")
    assert users("password", "ana", "--password-stdin")[0] == 0
    assert Passwords().verify("eleven quiet otters", account("ana").password_hash)


def test_every_change_revokes_tokens(users, account):
    users("create", "ana")
    epochs = [account("ana").epoch]
    for command in (["password"], ["scopes", "--scope", "model:read"], ["disable"], ["enable"]):
        assert users(command[0], "ana", *command[1:])[0] == 0
        epochs.append(account("ana").epoch)

    assert epochs == sorted(set(epochs))


@pytest.mark.parametrize("command", [["disable"], ["scopes", "--scope", "predict"], ["delete"]])
def test_last_administrator_is_kept_here_too(users, account, command):
    users("create", "ana", "--scope", "users:admin")

    code, _, stderr = users(command[0], "ana", *command[1:])

    assert code == 2
    assert "last enabled administrator" in stderr
    assert account("ana").is_administrator


@pytest.mark.parametrize(
    "command", [["disable"], ["enable"], ["password"], ["scopes", "--scope", "predict"], ["delete"]]
)
def test_unknown_user_is_reported_in_one_line(users, command):
    code, out, stderr = users(command[0], "ghost", *command[1:])

    assert code == 2
    assert out == ""
    assert stderr.count("\n") == 1 and "user ghost does not exist" in stderr


def test_code_for_a_new_password_is_printed_alone(users, account, database):
    users("create", "ana")

    code, out, stderr = users("reset", "ana")

    assert (code, out.count("\n")) == (0, 1)
    assert out.strip() not in stderr and "within an hour" in stderr
    store = open_user_store(database)
    PasswordResets(store).use("ana", out.strip(), "new")
    store.close()
    assert account("ana").password_hash == "new"


def test_code_for_a_new_password_as_json(users):
    users("create", "ana")

    found = json.loads(users("reset", "ana", "--json")[1])

    assert (found["name"], found["expires_in"]) == ("ana", 3600)
    assert users("reset", "ghost")[0] == 2
