"""Rows whose feedback was counted, and how much each client has sent, in the users' database."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from sqlalchemy import Engine, Index, Integer, String, case, delete
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.api.database.engine import insert_for, open_session
from services.api.database.tables import Base
from services.api.errors import FeedbackLimitReached

__all__ = ["FeedbackRow", "FeedbackStore", "FeedbackUsage", "LabelledRow"]

SECONDS_AN_HOUR = 3600
ROWS_A_STATEMENT = 5000
"""With three parameters each: SQLite accepts 32,766 per statement, PostgreSQL 65,535."""

LabelledRow = tuple[str, int, int]
"""Receipt id, row, expiry of the receipt in seconds since 1970."""


class FeedbackRow(Base):
    """A predicted row whose feedback was counted; kept until its receipt expires."""

    __tablename__ = "feedback_rows"
    __table_args__ = (Index("ix_feedback_rows_expires", "expires"),)

    receipt: Mapped[str] = mapped_column(String(24), primary_key=True)
    row: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    expires: Mapped[int] = mapped_column(Integer)


class FeedbackUsage(Base):
    """Rows counted for a client in the hour of its latest feedback."""

    __tablename__ = "feedback_usage"

    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    hour: Mapped[int] = mapped_column(Integer)
    """Hours since 1970."""

    rows: Mapped[int] = mapped_column(Integer)


class FeedbackStore:
    """Accepts each row once, across all workers and replicas."""

    def __init__(self, engine: Engine, *, rows_per_hour: int, now: Callable[[], float] = time.time) -> None:
        """Use the tables of a migrated database."""
        self._engine, self._rows_per_hour, self._now = engine, rows_per_hour, now

    def take(self, subject: str, rows: Collection[LabelledRow]) -> set[tuple[str, int]]:
        """Store all rows or none, and return (receipt, row) of those that are new.

        Raises:
            FeedbackLimitReached: more than one client may send in an hour; nothing was stored.
            StoreUnavailable: the database does not answer; nothing was stored.
        """
        hour, seconds = divmod(int(self._now()), SECONDS_AN_HOUR)
        with open_session(self._engine) as session:
            new = self._insert(session, sorted(rows))  # in one order, to avoid deadlocks
            used = self._use(session, subject, hour, len(new))
            if used > self._rows_per_hour:
                wait = SECONDS_AN_HOUR - seconds
                raise FeedbackLimitReached(
                    f"a client may send at most {self._rows_per_hour:,} rows of feedback in an hour; "
                    f"no row of this request was counted, retry in {wait} s",
                    wait,
                )
            if used == len(new):  # the client's first feedback in this hour
                session.execute(delete(FeedbackRow).where(FeedbackRow.expires < self._now()))
        return new

    def _insert(self, session: Session, rows: list[LabelledRow]) -> set[tuple[str, int]]:
        new = set()
        for start in range(0, len(rows), ROWS_A_STATEMENT):
            part = [
                {"receipt": receipt, "row": row, "expires": expires}
                for receipt, row, expires in rows[start : start + ROWS_A_STATEMENT]
            ]
            statement = insert_for(session, FeedbackRow).values(part).on_conflict_do_nothing()
            inserted = session.execute(statement.returning(FeedbackRow.receipt, FeedbackRow.row))
            new |= {(receipt, row) for receipt, row in inserted}
        return new

    def _use(self, session: Session, subject: str, hour: int, number: int) -> int:
        """Add to the client's rows of this hour and return the sum; the row lock serialises simultaneous requests."""
        statement = insert_for(session, FeedbackUsage).values(subject=subject, hour=hour, rows=number)
        rows = case((FeedbackUsage.hour == hour, FeedbackUsage.rows + number), else_=number)
        updated = statement.on_conflict_do_update(index_elements=["subject"], set_={"hour": hour, "rows": rows})
        used: int = session.execute(updated.returning(FeedbackUsage.rows)).scalar_one()
        return used
