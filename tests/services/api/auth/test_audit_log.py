from contextlib import closing
from uuid import uuid4

import pytest

from services.api.auth import audit_log
from services.api.auth.accounts import UserChange
from services.api.auth.audit_log import KEPT_DAYS, Actor, read_entries
from services.api.auth.logins.session_store import SessionEnded, SessionStore
from services.api.auth.passwords.password_resets import PasswordResets
from services.api.auth.tokens.access_tokens import Claims
from services.api.auth.users import SqlUserStore
from services.api.database.engine import open_engine
from services.api.errors import LastAdministrator

ADDRESS = "203.0.113.9"


def shown(engine, **options):
    entries = read_entries(engine, **{"limit": 100, **options})
    return [(entry.subject, entry.action, entry.target, entry.changes, entry.address) for entry in entries]


def test_every_change_of_a_user_has_its_entry(engine, users):
    root = users.create("root", "hash", ["users:admin"])
    by = Actor(Claims(subject="root", scopes=root.scopes, epoch=root.epoch), ADDRESS)
    users.create("ana", "secret hash", ["predict"], by=by)
    users.change("ana", UserChange(scopes=["predict", "model:read"], password_hash="newer hash"), by=by)
    code = PasswordResets(users).create("ana", by=by)
    PasswordResets(users).use("ana", code, "newest hash", address=ADDRESS)
    users.change_own_password(users.find("ana"), "own hash", by=Actor(name="ana", address=ADDRESS))
    users.revoke("ana", by=Actor(name="ana", address=ADDRESS))
    users.delete("ana", by=by)

    found = shown(engine)

    assert found[::-1] == [
        ("", "user created", "root", {"scopes": ["users:admin"]}, ""),
        ("root", "user created", "ana", {"scopes": ["predict"]}, ADDRESS),
        ("root", "user changed", "ana", {"password": "new", "scopes": ["model:read", "predict"]}, ADDRESS),
        ("root", "reset code issued", "ana", {}, ADDRESS),
        ("ana", "user changed", "ana", {"password": "reset"}, ADDRESS),
        ("ana", "user changed", "ana", {"password": "own"}, ADDRESS),
        ("ana", "all sessions ended", "ana", {}, ADDRESS),
        ("root", "user deleted", "ana", {}, ADDRESS),
    ]
    assert "hash" not in str(found) and code not in str(found)


def test_sessions_that_are_ended_have_their_entry(engine, users):
    users.create("ana", "hash", ["predict"])
    store = SessionStore(engine, idle_seconds=100, max_seconds=1000)
    token = store.create(users.find("ana"), ["predict"])
    store.replace(token)
    for _ in range(2):
        with pytest.raises(SessionEnded):
            store.replace(token, address=ADDRESS)
    other = store.create(users.find("ana"), ["predict"])
    for _ in range(2):
        store.delete(other.id, by=Actor(name="ana", address=ADDRESS), reason="logout")

    assert shown(engine)[:-1] == [
        ("ana", "session ended", "ana", {"reason": "logout"}, ADDRESS),
        ("ana", "session ended", "ana", {"reason": "reused"}, ADDRESS),
    ]


def test_what_is_refused_and_what_changes_nothing_has_no_entry(engine, users):
    users.create("root", "hash", ["users:admin"])

    users.change("root", UserChange(disabled=False))
    with pytest.raises(LastAdministrator):
        users.delete("root")

    assert len(shown(engine)) == 1


def test_entries_are_read_in_parts_and_for_one_user(engine, users):
    for name in ("ana", "bob", "carl"):
        users.create(name, "hash", ["predict"])

    newest = read_entries(engine, limit=2)

    assert [entry.target for entry in newest] == ["carl", "bob"]
    assert [entry.target for entry in read_entries(engine, limit=2, before=newest[-1].id)] == ["ana"]
    assert [entry[2] for entry in shown(engine, target="bob")] == ["bob"]


def test_old_entries_are_removed(engine, users, monkeypatch):
    now = audit_log.time.time()
    users.create("ana", "hash", ["predict"])
    for days, kept in ((KEPT_DAYS - 1, 2), (KEPT_DAYS + 1, 2)):
        monkeypatch.setattr(audit_log.time, "time", lambda days=days: now + days * 86_400)
        users.create(f"bob{days}", "hash", ["predict"])
        assert len(shown(engine)) == kept


def test_entries_are_counted_up_on_every_database(identity_url):
    name = f"ana{uuid4().hex[:8]}"
    engine = open_engine(identity_url)
    with closing(SqlUserStore(engine)) as store:
        store.create(name, "hash", ["predict"])
        store.delete(name)

        deleted, created = read_entries(engine, limit=10, target=name)

    assert deleted.id > created.id
    assert (created.action, deleted.action) == ("user created", "user deleted")
    assert created.time.tzinfo is not None
