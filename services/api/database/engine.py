"""The SQL database: connections and migrations."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Connection,
    Delete,
    Engine,
    Update,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from services.api.database.tables import Base
from services.api.errors import DatabaseUnavailable, StartupFailed, StoreUnavailable

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

__all__ = [
    "changes_rows",
    "insert_for",
    "migrate",
    "open_engine",
    "open_session",
    "ping",
]

CONNECT_SECONDS = 5

TCP_TIMEOUT_MILLISECONDS = 10_000
"""Timeout for a PostgreSQL that acknowledges no packets; the kernel's own is a quarter of an hour."""
MIGRATIONS = Path(__file__).parent / "migrations"

log = logging.getLogger("espalier.api.database")


def insert_for(session: Session, table: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT in the session's dialect, which supports ON CONFLICT and RETURNING."""
    if session.get_bind().dialect.name == "postgresql":  # one dialect takes 2 MB
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def changes_rows(session: Session, statement: Update | Delete) -> bool:
    """Run an UPDATE or a DELETE, and return whether there was a row for it."""
    return bool(session.connection().execute(statement).rowcount)


def open_engine(url: str, *, connect_seconds: int = CONNECT_SECONDS) -> Engine:
    """Return an engine; the folder of an SQLite file is created.

    Raises:
        StartupFailed: the URL is not valid, or its database is not supported.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            options = {"connect_timeout": connect_seconds, "tcp_user_timeout": TCP_TIMEOUT_MILLISECONDS}
            arguments = options if parsed.get_backend_name() == "postgresql" else {}
            return create_engine(parsed, pool_pre_ping=True, pool_size=2, max_overflow=4, connect_args=arguments)
        if parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(parsed, connect_args={"timeout": 10})
    except ArgumentError as error:  # its text may contain a password
        raise StartupFailed("API_DATABASE_URL is not a database URL, such as sqlite:///.espalier/users.db") from error
    except (ImportError, OSError) as error:
        raise StartupFailed(f"cannot use the database {_without_password(url)}: {error}") from error
    event.listen(engine, "connect", _tune_sqlite)
    return engine


def migrate(url: str) -> None:
    """Migrate the tables to the newest version, unless they have it or a newer one.

    Raises:
        DatabaseUnavailable: the database server does not answer.
        StartupFailed: the database cannot be used or migrated.
    """
    engine = open_engine(url)
    try:
        with engine.begin() as connection:
            if not _is_migrated(connection):
                _upgrade(connection)
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or type(error).__name__).partition("\n")[0]
        is_unavailable = isinstance(error, OperationalError) and engine.dialect.name != "sqlite"
        kind = DatabaseUnavailable if is_unavailable else StartupFailed
        raise kind(f"cannot use the database {_without_password(url)}: {reason}") from error
    finally:
        engine.dispose()


def _is_migrated(connection: Connection) -> bool:
    """Ask without Alembic, whose import takes longer than the rest of a start with a database.

    A database that a newer release has migrated is as good: migrations only add.
    """
    if not inspect(connection).has_table("alembic_version"):
        return False
    newest = max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found is not None and str(found) >= newest


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def ping(url: str, *, connect_seconds: int) -> None:
    """Open a new connection and run SELECT 1.

    Raises:
        SQLAlchemyError: the database does not answer.
        StartupFailed: the URL is not valid.
    """
    engine = open_engine(url, connect_seconds=connect_seconds)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    finally:
        engine.dispose()


@contextmanager
def open_session(engine: Engine) -> Iterator[Session]:
    """Yield a session in its own transaction, which ends with the block.

    Raises:
        StoreUnavailable: the database is unavailable or too busy, or is not migrated to this release yet.
    """
    try:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
    except (OperationalError, InterfaceError, ProgrammingError, PoolTimeout) as error:
        if _is_not_migrated(error):
            log.error("the database is not migrated: run python -m services.api migrate", extra=_reason(error))
            raise StoreUnavailable("the database is being migrated; retry later") from error
        if isinstance(error, ProgrammingError):
            raise
        log.error("the database does not answer", extra=_reason(error))
        raise StoreUnavailable("the database of users does not answer; retry later") from error


def _is_not_migrated(error: SQLAlchemyError) -> bool:
    """Return whether a table or column is missing: PostgreSQL has an error class for each, SQLite a text."""
    if not isinstance(error, DBAPIError):
        return False
    is_missing = type(error.orig).__name__ in {"UndefinedTable", "UndefinedColumn"}
    return is_missing or str(error.orig).startswith(("no such table", "no such column"))


def _reason(error: SQLAlchemyError) -> dict[str, str]:
    return {"error": str(error).partition("\n")[0]}


def _without_password(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)


def _tune_sqlite(connection: Any, _record: Any) -> None:
    # Readers and the writer do not block each other; several workers share the file.
    connection.execute("PRAGMA journal_mode=WAL")
