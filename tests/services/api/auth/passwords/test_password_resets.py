import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import select

from services.api.auth.accounts import UserChange
from services.api.auth.audit_log import Actor
from services.api.auth.passwords.password_resets import RESET_SECONDS, PasswordResets
from services.api.auth.tokens.access_tokens import Claims
from services.api.auth.users import SqlUserStore
from services.api.database.engine import open_engine
from services.api.database.tables import PasswordReset
from services.api.errors import InvalidRequest, InvalidResetCode, InvalidToken, UnknownUser


@pytest.fixture
def clock():
    return [1000.0]


@pytest.fixture
def resets(users, clock):
    users.create("root", "hash", ["users:admin"])
    users.create("ana", "hash", ["predict"])
    return PasswordResets(users, now=lambda: clock[0])


def is_refused(resets, code, name="ana"):
    with pytest.raises(InvalidResetCode):
        resets.check(name, code)
    with pytest.raises(InvalidResetCode):
        resets.use(name, code, "other")
    return True


def test_code_replaces_the_password_and_revokes_tokens(resets, users):
    before = users.find("ana")
    code = resets.create("ana")
    assert users.find("ana") == before

    resets.check("ana", code)
    resets.use("ana", code, "new")

    after = users.find("ana")
    assert (after.password_hash, after.epoch) == ("new", before.epoch + 1)
    assert is_refused(resets, code)


def test_only_the_hash_is_stored(resets, users):
    code = resets.create("ana")

    with users.session() as session:
        stored = session.scalars(select(PasswordReset)).one()
        assert code not in str(vars(stored))


def test_newer_code_replaces_the_older_one(resets):
    older, newer = resets.create("ana"), resets.create("ana")

    assert is_refused(resets, older)
    resets.use("ana", newer, "new")


def test_code_expires_after_an_hour(resets, clock):
    code = resets.create("ana")
    clock[0] += RESET_SECONDS - 1
    resets.check("ana", code)
    clock[0] += 1

    assert is_refused(resets, code)


CHANGES = {
    "disabled": lambda users: users.change("ana", UserChange(disabled=True)),
    "new password": lambda users: users.change("ana", UserChange(password_hash="newer")),
    "deleted": lambda users: users.delete("ana"),
    "deleted and created": lambda users: (users.delete("ana"), users.create("ana", "hash", ["predict"])),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_of_the_user_makes_the_code_useless(resets, users, change):
    code = resets.create("ana")
    CHANGES[change](users)

    assert is_refused(resets, code)


@pytest.mark.parametrize("name", ["root", "ghost", "Not A Name", "", "\0"])
def test_code_of_another_user_is_refused(resets, name):
    assert is_refused(resets, resets.create("ana"), name)


@pytest.mark.parametrize("code", ["", "x" * 27, "\ud800"])
def test_other_text_is_refused(resets, code):
    resets.create("ana")

    assert is_refused(resets, code)


def test_who_gets_no_code(resets, users):
    root = Actor(Claims(subject="root", scopes=frozenset(["users:admin"]), epoch=users.find("root").epoch))

    with pytest.raises(UnknownUser):
        resets.create("ghost", by=root)
    with pytest.raises(InvalidRequest, match="your own"):
        resets.create("root", by=root)
    users.change("ana", UserChange(disabled=True))
    with pytest.raises(InvalidRequest, match="ana is disabled"):
        resets.create("ana", by=root)


def test_former_administrator_issues_no_code(resets, users):
    root = Actor(Claims(subject="root", scopes=frozenset(["users:admin"]), epoch=users.find("root").epoch))
    users.create("eve", "hash", ["users:admin"])
    users.change("root", UserChange(disabled=True))

    with pytest.raises(InvalidToken):
        resets.create("ana", by=root)


def test_of_many_callers_at_once_exactly_one_sets_the_password(identity_url):
    """On several replicas, on every database."""
    callers, name = 6, f"ana{uuid4().hex[:8]}"
    stores = [SqlUserStore(open_engine(identity_url)) for _ in range(callers)]
    stores[0].create(name, "hash", ["predict"])
    code, together = PasswordResets(stores[0]).create(name), threading.Barrier(callers)

    def use(number):
        together.wait(30)
        try:
            PasswordResets(stores[number]).use(name, code, f"new{number}")
        except InvalidResetCode:
            return None
        return f"new{number}"

    with ThreadPoolExecutor(callers) as pool:
        winners = [end for end in pool.map(use, range(callers)) if end]

    assert winners == [stores[0].find(name).password_hash]
    for store in stores:
        store.close()
