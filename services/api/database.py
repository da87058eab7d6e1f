"""The SQL database: tables, connections, migrations."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import DateTime, Engine, Float, String, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from services.api.errors import DatabaseAway, StartupFailed, StoreUnavailable

__all__ = ["Base", "LoginFailures", "User", "migrate", "open_engine", "open_session", "ping"]

CONNECT_SECONDS = 5
MIGRATIONS = Path(__file__).parent / "migrations"

log = logging.getLogger("espalier.api.database")


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


def open_engine(url: str, *, connect_seconds: int = CONNECT_SECONDS) -> Engine:
    """Return an engine; the folder of an SQLite file is made.

    Raises:
        StartupFailed: the URL is none, or of a database that cannot be used here.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            seconds = {"connect_timeout": connect_seconds} if parsed.get_backend_name() == "postgresql" else {}
            return create_engine(parsed, pool_pre_ping=True, pool_size=2, max_overflow=4, connect_args=seconds)
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, connect_args={"timeout": 10})
    except ArgumentError as error:  # whose text may hold a password
        raise StartupFailed(
            "API_DATABASE_URL is no URL of a database that can be used, such as sqlite:///.espalier/users.db"
        ) from error
    except (ImportError, OSError) as error:
        raise StartupFailed(f"the database {_without_password(url)} cannot be used: {error}") from error
    event.listen(engine, "connect", _tune_sqlite)
    return engine


def migrate(url: str) -> None:
    """Bring the tables up to date.

    Raises:
        DatabaseAway: a database server does not answer.
        StartupFailed: the database cannot be used or changed.
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
        reason = str(getattr(error, "orig", None) or type(error).__name__).partition("\n")[0]
        away = isinstance(error, OperationalError) and engine.dialect.name != "sqlite"
        kind = DatabaseAway if away else StartupFailed
        raise kind(f"the database {_without_password(url)} cannot be used: {reason}") from error
    finally:
        engine.dispose()


def ping(url: str, *, connect_seconds: int) -> None:
    """Connect anew, and ask for nothing but an answer.

    Raises:
        SQLAlchemyError: there is none.
        StartupFailed: the URL is none.
    """
    engine = open_engine(url, connect_seconds=connect_seconds)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    finally:
        engine.dispose()


@contextmanager
def open_session(engine: Engine) -> Iterator[Session]:
    """Give a session in a transaction of its own, which ends with the block.

    Raises:
        StoreUnavailable: the database is away, or too busy.
    """
    try:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        log.error("the database does not answer", extra={"error": str(error).partition("\n")[0]})
        raise StoreUnavailable("the database of users does not answer; come again") from error


def _without_password(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)


def _tune_sqlite(connection: Any, _record: Any) -> None:
    # Readers and the one writer do not wait for one another; several workers share the file.
    connection.execute("PRAGMA journal_mode=WAL")
