import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from services.api.database import Base, migrate
from services.api.errors import StartupFailed


def test_migrations_give_the_tables_that_the_code_uses(engine):
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_migrating_again_changes_nothing(engine, settings):
    migrate(settings.database_url)


def test_database_that_is_away_is_said_without_its_password():
    with pytest.raises(StartupFailed, match="cannot be used") as caught:
        migrate("postgresql+psycopg://espalier:hunter2@127.0.0.1:1/users?connect_timeout=1")

    assert "hunter2" not in str(caught.value)
