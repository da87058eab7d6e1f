import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from services.api.auth.users import SqlUserStore
from services.api.database.engine import MIGRATIONS, migrate, open_engine, open_session
from services.api.database.tables import Base
from services.api.errors import StartupFailed, StoreUnavailable


def test_migrated_tables_match_the_code(engine):
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_second_migration_keeps_the_data(users, settings):
    made = users.create("ana", "hash", ["predict"])

    migrate(settings.database_url)

    assert users.list() == [made]


def test_migrated_database_needs_no_alembic(engine, settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "alembic", None)

    migrate(settings.database_url)


def test_half_migrated_database_is_migrated(engine, settings):
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")

    migrate(settings.database_url)

    test_migrated_tables_match_the_code(engine)


def test_database_of_a_newer_release_stays_as_it_is(engine, settings):
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))

    migrate(settings.database_url)

    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "0999"


def test_file_names_of_migrations_begin_with_their_revisions():
    versions = ScriptDirectory(str(MIGRATIONS)).walk_revisions()

    assert all(Path(version.path).name.startswith(f"{version.revision}_") for version in versions)


def test_migration_can_be_reverted_and_reapplied(engine, users):
    users.create("ana", "hash", ["predict"])
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    for target in ("0001", "head"):
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            (command.downgrade if target == "0001" else command.upgrade)(config, target)

    assert users.find("ana").epoch == 0
    test_migrated_tables_match_the_code(engine)


def test_unavailable_database_is_reported_without_its_password():
    with pytest.raises(StartupFailed, match="cannot use the database") as caught:
        migrate("postgresql+psycopg://espalier:hunter2@127.0.0.1:1/users?connect_timeout=1")

    assert "hunter2" not in str(caught.value)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_engine(request, tmp_path):
    url = f"sqlite:///{tmp_path}/empty.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    engine = open_engine(url)
    if request.param == "postgresql":
        with engine.begin() as connection:  # the server is shared with the tests before
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    yield engine
    engine.dispose()


def test_unmigrated_database_is_unavailable_and_the_log_names_the_command(empty_engine, caplog):
    with pytest.raises(StoreUnavailable, match="is being migrated"):
        SqlUserStore(empty_engine).find("ana")

    assert "python -m services.api migrate" in caplog.text


def test_wrong_sql_is_not_an_unavailable_database(postgres_url):
    engine = open_engine(postgres_url)
    try:
        with pytest.raises(ProgrammingError), open_session(engine) as session:
            session.execute(text("SELEKT 1"))
    finally:
        engine.dispose()
