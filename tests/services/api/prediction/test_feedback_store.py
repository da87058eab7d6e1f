import threading

import pytest
from sqlalchemy import func, select

from services.api.database.engine import migrate, open_engine, open_session
from services.api.errors import FeedbackLimitReached, StoreUnavailable
from services.api.prediction.feedback_store import FeedbackRow, FeedbackStore

HOUR = 3600


def rows(*numbers, receipt="a" * 24, expires=10**9):
    return [(receipt, number, expires) for number in numbers]


@pytest.fixture
def clock():
    return [1000.0 * HOUR + 60]


@pytest.fixture
def store(engine, clock):
    return FeedbackStore(engine, rows_per_hour=10, now=lambda: clock[0])


@pytest.fixture
def kept(engine):
    def count():
        with open_session(engine) as session:
            return session.scalar(select(func.count()).select_from(FeedbackRow))

    return count


def test_a_row_is_new_once(store):
    assert store.take("ana", rows(0, 1)) == {("a" * 24, 0), ("a" * 24, 1)}
    assert store.take("ana", rows(1, 2)) == {("a" * 24, 2)}
    assert store.take("ben", rows(0, 1, 2)) == set()
    assert store.take("ana", rows(0, receipt="b" * 24)) == {("b" * 24, 0)}


def test_exactly_as_much_as_is_allowed_is_taken_and_no_row_more(store, kept, clock):
    assert len(store.take("ana", rows(*range(10)))) == 10

    with pytest.raises(FeedbackLimitReached, match="at most 10 rows") as caught:
        store.take("ana", rows(10))

    assert kept() == 10
    assert caught.value.retry_after_seconds == HOUR - 60


def test_a_request_that_is_too_much_leaves_nothing(store, kept):
    with pytest.raises(FeedbackLimitReached):
        store.take("ana", rows(*range(11)))

    assert kept() == 0
    assert len(store.take("ana", rows(*range(10)))) == 10


def test_rows_that_were_there_use_nothing_up(store):
    for _ in range(5):
        store.take("ana", rows(*range(9)))

    assert len(store.take("ana", rows(9))) == 1


def test_every_client_has_a_limit_of_its_own_and_every_hour_begins_anew(store, clock):
    store.take("ana", rows(*range(10)))

    assert len(store.take("ben", rows(*range(10), receipt="b" * 24))) == 10
    clock[0] += HOUR - 60
    assert len(store.take("ana", rows(*range(10, 20)))) == 10


def test_rows_are_forgotten_once_their_receipts_have_expired(store, kept, clock):
    store.take("ana", rows(0, 1, expires=int(clock[0]) + 10))
    store.take("ana", rows(2, expires=int(clock[0]) + 2 * HOUR))
    clock[0] += HOUR

    store.take("ana", rows(3, expires=int(clock[0]) + HOUR))

    assert kept() == 2


def test_more_rows_than_one_statement_takes(engine):
    store = FeedbackStore(engine, rows_per_hour=100_000, now=lambda: 0.0)

    assert len(store.take("ana", rows(*range(12_345)))) == 12_345
    assert store.take("ana", rows(*range(12_345))) == set()


def test_two_processes_at_once_take_each_row_once(engine, settings):
    found = []

    def send():
        other = open_engine(settings.database_url)
        found.append(FeedbackStore(other, rows_per_hour=10_000, now=lambda: 0.0).take("ana", rows(*range(500))))
        other.dispose()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(map(len, found)) == [0, 0, 0, 500]


def test_database_that_does_not_answer_is_said(make_settings):
    engine = open_engine("postgresql+psycopg://api:hunter2@127.0.0.1:1/users")

    with pytest.raises(StoreUnavailable):
        FeedbackStore(engine, rows_per_hour=10).take("ana", rows(0))


def test_database_without_the_tables_is_a_database_that_does_not_answer(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/empty.db")

    with pytest.raises(StoreUnavailable):
        FeedbackStore(engine, rows_per_hour=10).take("ana", rows(0))


def test_tables_come_with_the_migrations(tmp_path):
    url = f"sqlite:///{tmp_path}/other.db"
    migrate(url)

    assert FeedbackStore(open_engine(url), rows_per_hour=10).take("ana", rows(0))
