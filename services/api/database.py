"""The SQL database: tables, connections, migrations."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import DateTime, Engine, Float, String, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.api.errors import StartupFailed

__all__ = ["Base", "LoginFailures", "User", "migrate", "open_engine"]

MIGRATIONS = Path(__file__).parent / "migrations"


class Base(DeclarativeBase):
    """Base of every table."""


class User(Base):
    """Somebody who may log in."""

    __tablename__ = "users"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    scopes: Mapped[str] = mapped_column(String(255))
    """With spaces between them, as in a token."""

    disabled: Mapped[bool] = mapped_column(default=False)
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class LoginFailures(Base):
    """How often a login failed of late, for one account or one address."""

    __tablename__ = "login_failures"

    key: Mapped[str] = mapped_column(String(160), primary_key=True)
    failures: Mapped[int]
    last: Mapped[float] = mapped_column(Float)
    """Seconds since 1970."""


def open_engine(url: str) -> Engine:
    """Return an engine; the folder of an SQLite file is made."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, pool_size=2, max_overflow=4)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": 10})
    event.listen(engine, "connect", _tune_sqlite)
    return engine


def migrate(url: str) -> None:
    """Bring the tables up to date.

    Raises:
        StartupFailed: the database cannot be reached or changed.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = open_engine(url)
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except SQLAlchemyError as error:
        where = make_url(url).render_as_string(hide_password=True)
        raise StartupFailed(f"the database {where} cannot be used: {type(error).__name__}") from error
    finally:
        engine.dispose()


def _tune_sqlite(connection: Any, _record: Any) -> None:
    # Readers and the one writer do not wait for one another; several workers share the file.
    connection.execute("PRAGMA journal_mode=WAL")
