"""The audit log, for administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool

from services.api.auth.audit_log import Entry, read_entries
from services.api.http.dependencies import Administrator, Served
from services.api.http.problems import documented

__all__ = ["router"]

router = APIRouter(tags=["users"])

MAX_ENTRIES = 1000
MAX_ID = 2**63 - 1


@router.get("/v1/audit", responses=documented(401, 403, 422, 503))
async def read_audit_log(
    caller: Administrator,  # noqa: ARG001
    services: Served,
    limit: Annotated[int, Query(ge=1, le=MAX_ENTRIES)] = 100,
    before: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
    target: Annotated[str | None, Query(max_length=64)] = None,
) -> list[Entry]:
    """Return changes of users, and sessions that were ended, newest first; with ``before``, those before that entry.

    Logins, and what was refused, are in the log only.
    """
    return await run_in_threadpool(read_entries, services.engine, limit=limit, before=before, target=target)
