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


def test_row_is_new_once(store):
    assert store.take("ana", rows(0, 1)) == {("a" * 24, 0), ("a" * 24, 1)}
    assert store.take("ana", rows(1, 2)) == {("a" * 24, 2)}
    assert store.take("ben", rows(0, 1, 2)) == set()
    assert store.take("ana", rows(0, receipt="b" * 24)) == {("b" * 24, 0)}


def test_limit_is_exact_to_one_row(store, kept, clock):
    assert len(store.take("ana", rows(*range(10)))) == 10

    with pytest.raises(FeedbackLimitReached, match="at most 10 rows") as caught:
        store.take("ana", rows(10))

    assert kept() == 10
    assert caught.value.retry_after_seconds == HOUR - 60


def test_request_over_the_limit_stores_nothing(store, kept):
    with pytest.raises(FeedbackLimitReached):
        store.take("ana", rows(*range(11)))

    assert kept() == 0
    assert len(store.take("ana", rows(*range(10)))) == 10


def test_counted_rows_do_not_use_the_limit(store):
    for _ in range(5):
        store.take("ana", rows(*range(9)))

    assert len(store.take("ana", rows(9))) == 1


def test_limit_is_per_client_and_hour(store, clock):
    store.take("ana", rows(*range(10)))

    assert len(store.take("ben", rows(*range(10), receipt="b" * 24))) == 10
    clock[0] += HOUR - 60
    assert len(store.take("ana", rows(*range(10, 20)))) == 10


def test_rows_are_deleted_after_expiry(store, kept, clock):
    store.take("ana", rows(0, 1, expires=int(clock[0]) + 10))
    store.take("ana", rows(2, expires=int(clock[0]) + 2 * HOUR))
    clock[0] += HOUR

    store.take("ana", rows(3, expires=int(clock[0]) + HOUR))

    assert kept() == 2


def test_rows_beyond_one_statement_are_stored(engine):
    store = FeedbackStore(engine, rows_per_hour=100_000, now=lambda: 0.0)

    assert len(store.take("ana", rows(*range(12_345)))) == 12_345
    assert store.take("ana", rows(*range(12_345))) == set()


def test_two_processes_count_each_row_once(engine, settings):
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


def test_unavailable_database_is_a_503(make_settings):
    engine = open_engine("postgresql+psycopg://api:hunter2@127.0.0.1:1/users")

    with pytest.raises(StoreUnavailable):
        FeedbackStore(engine, rows_per_hour=10).take("ana", rows(0))


def test_unmigrated_database_is_a_503(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/empty.db")

    with pytest.raises(StoreUnavailable):
        FeedbackStore(engine, rows_per_hour=10).take("ana", rows(0))


def test_tables_come_with_the_migrations(tmp_path):
    url = f"sqlite:///{tmp_path}/other.db"
    migrate(url)

    assert FeedbackStore(open_engine(url), rows_per_hour=10).take("ana", rows(0))
