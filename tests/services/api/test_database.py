import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from services.api.database import MIGRATIONS, Base, migrate
from services.api.errors import StartupFailed


def test_migrations_give_the_tables_that_the_code_uses(engine):
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_migrating_again_keeps_what_is_there(users, settings):
    made = users.create("ana", "hash", ["predict"])

    migrate(settings.database_url)

    assert users.list() == [made]


def test_migration_goes_back_and_forth(engine, users):
    users.create("ana", "hash", ["predict"])
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    for target in ("0001", "head"):
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            (command.downgrade if target == "0001" else command.upgrade)(config, target)

    assert users.find("ana").epoch == 0
    test_migrations_give_the_tables_that_the_code_uses(engine)


def test_database_that_is_away_is_said_without_its_password():
    with pytest.raises(StartupFailed, match="cannot be used") as caught:
        migrate("postgresql+psycopg://espalier:hunter2@127.0.0.1:1/users?connect_timeout=1")

    assert "hunter2" not in str(caught.value)
