"""The audit log in the database: entries are written in the transaction of what they are about."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from services.api.auth.tokens.access_tokens import Claims
from services.api.database.engine import open_session
from services.api.database.tables import AuditEntry

__all__ = ["KEPT_DAYS", "OPERATOR", "Actor", "Entry", "read_entries", "record"]

KEPT_DAYS = 400
"""Then an entry is removed, so that a year can be looked back on."""

SECONDS_A_DAY = 86_400


@dataclass(frozen=True)
class Actor:
    """Who asks for a change, and from where."""

    claims: Claims | None = None
    """None: the operator of the database, or somebody who has proved to be the user by other means."""

    address: str = ""
    name: str = ""
    """Only if there are no claims."""

    @property
    def subject(self) -> str:
        """Name of the user who asks; empty for the operator."""
        return self.claims.subject if self.claims else self.name


OPERATOR = Actor()
"""Whoever has the database, on the command line."""


@dataclass(frozen=True)
class Entry:
    """Who did what to whom, when, and from where."""

    id: int
    time: datetime
    subject: str
    """Who did it; empty: the operator of the database, with the command line."""

    action: str
    target: str
    """The user whom it is about."""

    address: str
    changes: dict[str, Any]


def record(session: Session, by: Actor, action: str, target: str, changes: Mapping[str, object] | None = None) -> None:
    """Add an entry, and remove old ones, in the caller's transaction."""
    now = time.time()
    session.execute(delete(AuditEntry).where(AuditEntry.at < now - KEPT_DAYS * SECONDS_A_DAY))
    session.add(
        AuditEntry(
            at=now,
            subject=by.subject,
            action=action,
            target=target,
            address=by.address,
            changes=json.dumps(changes or {}, sort_keys=True),
        )
    )


def read_entries(engine: Engine, *, limit: int, before: int | None = None, target: str | None = None) -> list[Entry]:
    """Return the newest entries first.

    Args:
        engine: the database.
        limit: how many at most.
        before: only entries with a lower number, to go on after the last one of an earlier answer.
        target: only entries about this user.
    """
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    if target is not None:
        query = query.where(AuditEntry.target == target)
    with open_session(engine) as session:
        return [_to_entry(found) for found in session.scalars(query)]


def _to_entry(found: AuditEntry) -> Entry:
    at = datetime.fromtimestamp(found.at, UTC)
    changes = json.loads(found.changes)
    return Entry(found.id, at, found.subject, found.action, found.target, found.address, changes)
