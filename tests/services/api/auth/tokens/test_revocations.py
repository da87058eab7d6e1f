import asyncio

import pytest
from sqlalchemy import event, update

from services.api.auth.accounts import UserChange
from services.api.auth.tokens.access_tokens import Claims
from services.api.auth.tokens.revocations import KEPT_SECONDS, REFRESH_SECONDS, Revocations
from services.api.auth.users import SqlUserStore
from services.api.database.engine import open_engine
from services.api.database.tables import TokenRevocation
from services.api.errors import StoreUnavailable


def token(epoch, name="ana"):
    return Claims(subject=name, scopes=frozenset({"predict"}), epoch=epoch)


@pytest.fixture
def revocations(engine):
    return Revocations(engine)


def test_token_of_an_earlier_epoch_is_revoked(users, revocations):
    users.create("ana", "hash", ["predict"])
    revocations.refresh()
    assert not revocations.is_revoked(token(1))

    users.change("ana", UserChange(disabled=True))
    assert not revocations.is_revoked(token(1))
    revocations.refresh()

    assert revocations.is_revoked(token(1))
    assert not revocations.is_revoked(token(2))
    assert not revocations.is_revoked(token(1, "bob"))


def test_token_of_a_newer_epoch_is_accepted(users, revocations):
    users.create("ana", "hash", ["predict"])
    revocations.refresh()

    assert not revocations.is_revoked(token(5))


def test_token_of_a_deleted_user_is_refused_for_a_new_user_of_the_name(users, revocations):
    users.create("ana", "hash", ["predict"])
    old = users.find("ana").epoch
    users.delete("ana")
    revocations.refresh()
    assert revocations.is_revoked(token(old))

    new = users.create("ana", "hash", ["predict"]).epoch
    revocations.refresh()

    assert revocations.is_revoked(token(old))
    assert not revocations.is_revoked(token(new))


def test_old_revocations_are_not_read(users, engine):
    users.create("ana", "hash", ["predict"])
    with engine.begin() as connection:
        connection.execute(update(TokenRevocation).values(at=10_000_000.0 - KEPT_SECONDS - 1))
    later = Revocations(engine, now=lambda: 10_000_000.0)
    later.refresh()

    assert not later.is_revoked(token(0))


def test_last_revocations_stay_in_use_while_the_database_is_unavailable(users, settings, tmp_path):
    engine = open_engine(settings.database_url)
    SqlUserStore(engine).create("ana", "hash", ["predict"])
    revocations = Revocations(engine)
    revocations.refresh()
    engine.dispose()
    (tmp_path / "users.db").rename(tmp_path / "gone")
    (tmp_path / "users.db").mkdir()

    with pytest.raises(StoreUnavailable):
        revocations.refresh()

    assert revocations.is_revoked(token(0))
    assert not revocations.is_revoked(token(1))


def test_token_check_does_not_query_the_database(users, engine, revocations):
    revocations.refresh()
    statements = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))

    revocations.is_revoked(token(1))

    assert statements == []


def test_refresh_continues_after_failures(users, engine, revocations, monkeypatch):
    failures = []

    async def until_revoked():
        async with revocations.kept_fresh(0.01):
            assert not revocations.is_revoked(token(0))
            with monkeypatch.context() as broken:
                broken.setattr(revocations, "refresh", lambda: failures.append(1) or _fail())
                while len(failures) < 3:
                    await asyncio.sleep(0.01)
            users.create("ana", "hash", ["predict"])
            while not revocations.is_revoked(token(0)):
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(until_revoked(), 20))


def _fail():
    raise StoreUnavailable("unavailable")


def test_missing_tables_do_not_stop_the_refresh(tmp_path):
    empty = Revocations(open_engine(f"sqlite:///{tmp_path}/empty.db"))

    async def start():
        async with empty.kept_fresh(0.01):
            await asyncio.sleep(0.05)
            return empty.is_revoked(token(0))

    assert not asyncio.run(start())


def test_failed_refresh_is_retried_within_a_minute():
    assert 2 * REFRESH_SECONDS + 10 < 60


def test_start_waits_two_seconds_and_refreshes_four_times_a_minute(revocations, monkeypatch):
    waits, wait_for, sleep = [], asyncio.wait_for, asyncio.sleep

    async def recorded_wait(awaitable, timeout):
        waits.append(timeout)
        return await wait_for(awaitable, timeout)

    async def recorded_sleep(seconds):
        waits.append(seconds)
        await sleep(seconds)

    async def start():
        async with revocations.kept_fresh():
            await sleep(0)

    with monkeypatch.context() as recorded:
        recorded.setattr(asyncio, "wait_for", recorded_wait)
        recorded.setattr(asyncio, "sleep", recorded_sleep)
        asyncio.run(start())

    assert waits == [2, 15]
