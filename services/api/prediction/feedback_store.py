"""Which predicted rows have had their feedback, and how much each client has sent: in the users' database."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import Engine, Index, Integer, String, case, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.api.database.engine import Base, open_session
from services.api.errors import FeedbackLimitReached

__all__ = ["FeedbackRow", "FeedbackStore", "FeedbackUsage", "LabelledRow"]

SECONDS_AN_HOUR = 3600
ROWS_A_STATEMENT = 5000
"""Times three parameters: SQLite takes 32,766 of them, PostgreSQL 65,535."""

INSERTS: dict[str, Callable[[Any], Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""Both have ON CONFLICT and RETURNING, which SQLAlchemy offers by dialect only."""

LabelledRow = tuple[str, int, int]
"""Receipt id, row, expiry of the receipt in seconds since 1970."""


class FeedbackRow(Base):
    """A row of a prediction whose feedback was counted; kept until its receipt has expired."""

    __tablename__ = "feedback_rows"
    __table_args__ = (Index("ix_feedback_rows_expires", "expires"),)

    receipt: Mapped[str] = mapped_column(String(24), primary_key=True)
    row: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    expires: Mapped[int] = mapped_column(Integer)


class FeedbackUsage(Base):
    """How many rows a client had counted in the hour in which it last sent some."""

    __tablename__ = "feedback_usage"

    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    hour: Mapped[int] = mapped_column(Integer)
    """Hours since 1970."""

    rows: Mapped[int] = mapped_column(Integer)


class FeedbackStore:
    """Takes each row once, over all workers and replicas."""

    def __init__(self, engine: Engine, *, rows_per_hour: int, now: Callable[[], float] = time.time) -> None:
        """Use tables that ``migrate`` has made."""
        self._engine, self._rows_per_hour, self._now = engine, rows_per_hour, now

    def take(self, subject: str, rows: Collection[LabelledRow]) -> set[tuple[str, int]]:
        """Note the rows, all or none, and return (receipt, row) of those that were not there yet.

        Raises:
            FeedbackLimitReached: more than one client may send in an hour; nothing was noted.
            StoreUnavailable: the database does not answer; nothing was noted.
        """
        hour, seconds = divmod(int(self._now()), SECONDS_AN_HOUR)
        with open_session(self._engine) as session:
            new = self._insert(session, sorted(rows))  # in one order, or two requests could wait for one another
            used = self._use(session, subject, hour, len(new))
            if used > self._rows_per_hour:
                wait = SECONDS_AN_HOUR - seconds
                raise FeedbackLimitReached(
                    f"at most {self._rows_per_hour:,} rows of feedback are taken from one client in an hour; "
                    f"nothing of this request was counted, come again in {wait} s",
                    wait,
                )
            if used == len(new):  # the client's first of this hour
                session.execute(delete(FeedbackRow).where(FeedbackRow.expires < self._now()))
        return new

    def _insert(self, session: Session, rows: list[LabelledRow]) -> set[tuple[str, int]]:
        insert, new = INSERTS[self._engine.dialect.name], set()
        for start in range(0, len(rows), ROWS_A_STATEMENT):
            part = [
                {"receipt": receipt, "row": row, "expires": expires}
                for receipt, row, expires in rows[start : start + ROWS_A_STATEMENT]
            ]
            statement = insert(FeedbackRow).values(part).on_conflict_do_nothing()
            found = session.execute(statement.returning(FeedbackRow.receipt, FeedbackRow.row))
            new |= {(receipt, row) for receipt, row in found}
        return new

    def _use(self, session: Session, subject: str, hour: int, number: int) -> int:
        """Add to what the client has sent in this hour and return the sum; requests at once wait for one another."""
        insert = INSERTS[self._engine.dialect.name]
        statement = insert(FeedbackUsage).values(subject=subject, hour=hour, rows=number)
        rows = case((FeedbackUsage.hour == hour, FeedbackUsage.rows + number), else_=number)
        updated = statement.on_conflict_do_update(index_elements=["subject"], set_={"hour": hour, "rows": rows})
        used: int = session.execute(updated.returning(FeedbackUsage.rows)).scalar_one()
        return used
