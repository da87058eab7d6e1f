"""The audit log: who did what to whom, and from where."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from fastapi import Request

from services.api.auth.audit_log import Actor
from services.api.auth.tokens.access_tokens import Claims
from services.api.errors import ApiError
from services.api.http.dependencies import client_address

__all__ = ["actor", "audited"]

MAX_CHARACTERS = 64
"""Of a name in a line: it may be any text that a client sent."""

log = logging.getLogger("espalier.api.audit")


def actor(caller: Claims, request: Request) -> Actor:
    """Return who makes a request, for the entry in the database."""
    return Actor(caller, client_address(request))


@contextmanager
def audited(what: str, subject: str, target: str, request: Request, changes: Mapping[str, object]) -> Iterator[None]:
    """Log what the block did, or that and why it was refused.

    Args:
        what: the line if it succeeds.
        subject: who asks for it.
        target: the user that it is about.
        request: the request, for the address.
        changes: what is asked for, without secrets.
    """
    line = {
        "subject": subject[:MAX_CHARACTERS],
        "target": target[:MAX_CHARACTERS],
        "changes": changes,
        "address": client_address(request),
    }
    try:
        yield
    except ApiError as error:
        log.warning("user administration refused", extra={**line, "reason": error.code})
        raise
    log.info(what, extra=line)
