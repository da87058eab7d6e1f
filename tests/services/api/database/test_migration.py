import pytest

from services.api.auth.users import open_user_store
from services.api.database import migration
from services.api.database.migration import migrate_or_later, migrate_until_done, migrate_within
from services.api.errors import DatabaseUnavailable, StartupFailed

UNAVAILABLE = "postgresql+psycopg://api:hunter2@127.0.0.1:1/users"


def test_database_that_does_not_answer_is_unavailable():
    with pytest.raises(DatabaseUnavailable, match="cannot use the database") as caught:
        migrate_within(UNAVAILABLE, 0)

    assert "hunter2" not in str(caught.value)


def test_unusable_database_is_not_unavailable(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StartupFailed) as caught:
        migrate_within(f"sqlite:///{tmp_path}/file/users.db", 0)

    assert not isinstance(caught.value, DatabaseUnavailable)


@pytest.fixture
def sqlite(tmp_path):
    return f"sqlite:///{tmp_path}/users.db"


@pytest.fixture
def pauses(monkeypatch):
    """Seconds slept between attempts."""
    slept = []
    monkeypatch.setattr("tenacity.nap.time.sleep", slept.append)
    return slept


@pytest.fixture
def comes_back(monkeypatch, pauses):
    """A database that answers at the third call."""
    calls, real = [], migration.migrate

    def migrate(url):
        calls.append(url)
        if len(calls) < 3:
            raise DatabaseUnavailable("unavailable")
        real(url)

    monkeypatch.setattr(migration, "migrate", migrate)
    return calls


def test_migration_retries_each_second(sqlite, comes_back, pauses):
    migrate_within(sqlite, 30)

    assert len(comes_back) == 3
    assert pauses == [1, 1]


def test_migration_retries_only_as_long_as_it_may(sqlite, comes_back, pauses):
    with pytest.raises(DatabaseUnavailable):
        migrate_within(sqlite, 0)

    assert len(comes_back) == 1 and pauses == []


def test_migration_can_retry_without_limit(sqlite, comes_back, pauses):
    migrate_until_done(sqlite)

    assert pauses == [5, 5]
    assert open_user_store(sqlite).list() == []


def test_start_continues_and_another_process_migrates(monkeypatch, caplog):
    started = []
    monkeypatch.setattr(migration.subprocess, "Popen", lambda command: started.append(command) or "process")

    assert migrate_or_later(UNAVAILABLE, 0) == "process"
    assert started[0][1:] == ["-m", "services.api", "migrate", "--wait"]
    assert "logins are refused" in caplog.text
    assert "hunter2" not in caplog.text


def test_start_with_a_database_starts_no_process(sqlite):
    assert migrate_or_later(sqlite, 0) is None
