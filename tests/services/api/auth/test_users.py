import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC
from uuid import uuid4

import pytest
from sqlalchemy import event, select

from services.api.auth.accounts import UserChange
from services.api.auth.audit_log import OPERATOR, Actor
from services.api.auth.logins.login_throttle import Admission, LoginThrottle
from services.api.auth.tokens.access_tokens import Claims
from services.api.auth.users import SqlUserStore, open_user_store
from services.api.database.engine import open_engine, open_session
from services.api.database.tables import TokenRevocation
from services.api.errors import InvalidRequest, InvalidToken, LastAdministrator, UnknownUser, UserExists


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


def test_user_name_is_unique(users):
    users.create("ana", "hash", ["predict"])

    with pytest.raises(UserExists, match="ana already"):
        users.create("ana", "other", ["predict"])

    assert users.find("ana").password_hash == "hash"


@pytest.mark.parametrize("name", ["", "Ana", "-ana", "a b", "a" * 65, "a\n"])
def test_invalid_user_name_is_refused(users, name):
    with pytest.raises(InvalidRequest, match="user name"):
        users.create(name, "hash", ["predict"])


@pytest.mark.parametrize("scopes", [[], ["everything"]])
def test_unknown_scope_is_refused(users, scopes):
    with pytest.raises(InvalidRequest, match="predict, model:read, feedback:write, users:admin"):
        users.create("ana", "hash", scopes)


def test_disable_and_enable(users):
    users.create("ana", "hash", ["predict"])

    assert users.change("ana", UserChange(disabled=True)).disabled
    assert users.find("ana").disabled
    assert not users.change("ana", UserChange(disabled=False)).disabled


@pytest.mark.parametrize("name", ["ghost", "Not A Name", "\0"])
def test_unknown_user_is_a_404(users, engine, name):
    for act in (lambda: users.change(name, UserChange(disabled=True)), lambda: users.delete(name)):
        with pytest.raises(UnknownUser):
            act()
    with open_session(engine) as session:
        assert session.scalars(select(TokenRevocation)).all() == []


@pytest.mark.parametrize(
    "change", [UserChange(disabled=True), UserChange(scopes=["model:read"]), UserChange(password_hash="other")]
)
def test_every_change_raises_the_epoch_and_forgets_known_networks(users, engine, change):
    made = users.create("ana", "hash", ["predict"])
    LoginThrottle(engine).succeeded(Admission("ana", ("10.0.0.1",), is_known=False, is_under_attack=False))

    assert users.change("ana", change).epoch == made.epoch + 1
    assert users.find("ana").epoch == made.epoch + 1
    assert not LoginThrottle(engine).admit("ana", "10.0.0.1").is_known


def test_change_without_effect_revokes_no_token(users):
    made = users.create("ana", "hash", ["predict", "model:read"])

    same = users.change("ana", UserChange(disabled=False, scopes=["model:read", "predict"], password_hash="hash"))

    assert same == made


def test_rehash_revokes_no_token(users):
    made = users.create("ana", "hash", ["predict"])

    assert users.replace_hash("ana", "hash", "dearer")
    assert users.find("ana").epoch == made.epoch


def test_own_password_change_fails_after_another_change(users):
    made = users.create("ana", "hash", ["predict"])

    users.change_own_password(made, "new", by=OPERATOR)
    assert users.find("ana").password_hash == "new"
    assert users.find("ana").epoch == made.epoch + 1
    with pytest.raises(InvalidToken):
        users.change_own_password(made, "newer", by=OPERATOR)
    assert users.find("ana").epoch == made.epoch + 1


def test_name_of_a_deleted_user_can_be_reused(users):
    first = users.create("ana", "hash", ["predict"])

    users.delete("ana")
    assert users.find("ana") is None
    assert users.create("ana", "hash", ["predict"]).epoch > first.epoch


LOSING = {
    "disabling": lambda store, name, **by: store.change(name, UserChange(disabled=True), **by),
    "another scope": lambda store, name, **by: store.change(name, UserChange(scopes=["predict"]), **by),
    "deleting": lambda store, name, **by: store.delete(name, **by),
}


@pytest.mark.parametrize("how", LOSING)
def test_last_enabled_administrator_cannot_be_removed(users, how):
    ana = users.create("ana", "hash", ["users:admin"])
    users.create("bob", "hash", ["users:admin"])
    users.create("carl", "hash", ["predict"])
    users.change("bob", UserChange(disabled=True))

    with pytest.raises(LastAdministrator, match="ana is the last enabled administrator"):
        LOSING[how](users, "ana")

    assert users.find("ana") == ana
    users.change("bob", UserChange(disabled=False))
    LOSING[how](users, "ana")


@pytest.mark.parametrize("how", LOSING)
def test_users_can_be_changed_without_an_administrator(users, how):
    users.create("ana", "hash", ["predict", "model:read"])

    LOSING[how](users, "ana")


@pytest.mark.parametrize("how", LOSING)
def test_two_administrators_cannot_remove_each_other_at_once(identity_url, how):
    """On two replicas: the second request comes before the first has committed, on every database."""
    engine = open_engine(identity_url)
    with closing(SqlUserStore(engine)) as first, closing(SqlUserStore(open_engine(identity_url))) as second:
        ana, bob = (f"{name}{uuid4().hex[:8]}" for name in ("ana", "bob"))
        for name in (ana, bob):
            first.create(name, "hash", ["users:admin"])
        for old in (account.name for account in first.list() if account.name not in (ana, bob)):
            first.delete(old)
        is_about_to_commit, is_answered = threading.Event(), threading.Event()

        @event.listens_for(engine, "commit")
        def hold(_connection):
            is_about_to_commit.set()
            is_answered.wait(0.5)  # in vain: the second request waits for this commit

        with ThreadPoolExecutor(1) as pool:
            removed = pool.submit(LOSING[how], first, ana)
            assert is_about_to_commit.wait(10)
            with pytest.raises(LastAdministrator):
                LOSING[how](second, bob)
            is_answered.set()
            removed.result()

        assert [account.name for account in second.list() if account.is_administrator] == [bob]


def claims(account):
    return Actor(Claims(subject=account.name, scopes=account.scopes, epoch=account.epoch))


ACTS = {
    "create": lambda store, by: store.create("eve", "hash", ["users:admin"], by=by),
    "change": lambda store, by: store.change("carl", UserChange(scopes=["users:admin"]), by=by),
    "delete": lambda store, by: store.delete("carl", by=by),
    "enable herself": lambda store, by: store.change("ana", UserChange(disabled=False), by=by),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("how", [*LOSING, "new password"])
def test_former_administrator_cannot_change_users(users, act, how):
    ana = claims(users.create("ana", "hash", ["users:admin"]))
    users.create("bob", "hash", ["users:admin"])
    users.create("carl", "hash", ["predict"])
    LOSING.get(how, lambda store, name: store.change(name, UserChange(password_hash="new")))(users, "ana")
    before = users.list()

    with pytest.raises((InvalidToken, InvalidRequest)):
        ACTS[act](users, ana)

    assert users.list() == before


@pytest.mark.parametrize(
    "change", [UserChange(disabled=True), UserChange(disabled=False), UserChange(password_hash="x")]
)
def test_administrator_cannot_disable_or_delete_themselves(users, change):
    ana = claims(users.create("ana", "hash", ["users:admin"]))
    users.create("bob", "hash", ["users:admin"])

    with pytest.raises(InvalidRequest, match="yourself"):
        users.change("ana", change, by=ana)
    with pytest.raises(InvalidRequest, match="yourself"):
        users.delete("ana", by=ana)


def test_users_are_listed_by_name(users):
    for name in ("carl", "ana", "bob"):
        users.create(name, "hash", ["predict"])

    assert [account.name for account in users.list()] == ["ana", "bob", "carl"]


def test_store_migrates_a_new_database(tmp_path):
    store = open_user_store(f"sqlite:///{tmp_path}/deep/er/users.db")

    assert store.list() == []
    store.close()
