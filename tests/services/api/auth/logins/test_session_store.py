import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from services.api.auth.logins.session_store import Reason, RefreshToken, SessionEnded, SessionStore
from services.api.auth.users import SqlUserStore
from services.api.database.engine import open_engine, open_session
from services.api.database.tables import LoginSession

IDLE, MOST = 100, 250


@pytest.fixture
def clock():
    return [1000.0]


@pytest.fixture
def store(engine, clock):
    return SessionStore(engine, idle_seconds=IDLE, max_seconds=MOST, now=lambda: clock[0])


@pytest.fixture
def ana(users):
    return users.create("ana", "hash", ["predict", "model:read"])


def rows(engine):
    with open_session(engine) as session:
        return session.scalar(select(func.count()).select_from(LoginSession))


def refused(store, token):
    with pytest.raises(SessionEnded) as caught:
        store.replace(token)
    return caught.value.reason, caught.value.subject


def test_token_is_read_as_it_was_written():
    token = RefreshToken("0" * 32, "s" * 43)

    assert str(token) == f"espalier_rt_{'0' * 32}_{'s' * 43}"
    assert RefreshToken.read(str(token)) == token
    assert "sss" not in repr(token)


@pytest.mark.parametrize(
    "text", ["", "espalier_rt_", f"espalier_rt_{'g' * 32}_{'s' * 43}", f"espalier_rt_{'0' * 32}_{'s' * 43}\n", "\ud800"]
)
def test_other_text_is_no_token(text):
    assert RefreshToken.read(text) is None


def test_session_goes_from_token_to_token(store, ana):
    first = store.create(ana, ["predict"])

    session, second = store.replace(first)
    _, third = store.replace(second)

    assert (session.subject, session.scopes, session.epoch) == ("ana", {"predict"}, ana.epoch)
    assert first.id == second.id == third.id
    assert len({first.secret, second.secret, third.secret}) == 3


def test_only_the_hash_is_stored(store, engine, ana):
    token = store.create(ana, ["predict"])

    with open_session(engine) as session:
        stored = session.scalars(select(LoginSession)).one()
        assert stored.token_hash == token.hash
        assert token.secret not in str(vars(stored))


@pytest.mark.parametrize("reused", [0, 1])
def test_used_token_ends_the_session(store, ana, engine, reused):
    tokens = [store.create(ana, ["predict"])]
    for _ in range(2):
        tokens.append(store.replace(tokens[-1])[1])

    assert refused(store, tokens[reused]) == (Reason.REUSED, "ana")

    assert rows(engine) == 0
    assert refused(store, tokens[-1]) == (Reason.UNKNOWN, "")


def test_other_sessions_of_the_user_go_on(store, ana):
    first, other = store.create(ana, ["predict"]), store.create(ana, ["predict"])
    store.replace(first)
    refused(store, first)

    assert store.replace(other)


def test_token_expires(store, ana, clock):
    token = store.create(ana, ["predict"])
    clock[0] += IDLE

    assert refused(store, token) == (Reason.EXPIRED, "ana")


def test_session_ends_however_often_it_is_continued(store, ana, clock):
    token = store.create(ana, ["predict"])
    for _ in range(3):
        clock[0] += IDLE - 20
        _, token = store.replace(token)
    assert clock[0] == 1000 + MOST - 10

    clock[0] += 10

    assert refused(store, token) == (Reason.EXPIRED, "ana")


def test_login_removes_expired_sessions(store, ana, engine, clock):
    store.create(ana, ["predict"])
    clock[0] += IDLE
    store.create(ana, ["predict"])

    assert rows(engine) == 1


def test_valid_token_is_told_from_a_used_one(store, ana, clock):
    first = store.create(ana, ["predict"])
    _, second = store.replace(first)

    assert (store.find(first), store.find(second)) == (("ana", False), ("ana", True))
    assert store.find(RefreshToken("0" * 32, "s" * 43)) == ("", False)
    clock[0] += IDLE
    assert store.find(second) == ("ana", False)


def test_of_many_callers_at_once_exactly_one_succeeds(identity_url):
    """On several replicas, on every database; the session ends then, because more than one has the token."""
    callers = 8
    name = f"ana{uuid4().hex[:8]}"
    with closing(SqlUserStore(open_engine(identity_url))) as users:
        ana = users.create(name, "hash", ["predict"])
    stores = [SessionStore(open_engine(identity_url), idle_seconds=IDLE, max_seconds=MOST) for _ in range(callers)]
    token, together = stores[0].create(ana, ["predict"]), threading.Barrier(callers)

    def exchange(store):
        together.wait(30)
        try:
            return store.replace(token)[1]
        except SessionEnded as ended:
            return ended.reason

    with ThreadPoolExecutor(callers) as pool:
        ends = list(pool.map(exchange, stores))

    winners = [end for end in ends if isinstance(end, RefreshToken)]
    assert len(winners) == 1
    reasons = Counter(end for end in ends if end not in winners)
    assert reasons[Reason.REUSED] >= 1
    assert set(reasons) <= {Reason.REUSED, Reason.UNKNOWN}
    assert stores[0].find(winners[0]) == ("", False)
    for store in stores:
        store._engine.dispose()
