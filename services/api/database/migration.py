"""Migrate the users' database; if it is unavailable, later, because predictions do not need it."""

from __future__ import annotations

import logging
import subprocess
import sys

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from services.api.database.engine import migrate
from services.api.errors import DatabaseUnavailable

__all__ = ["migrate_or_later", "migrate_until_done", "migrate_within"]

PAUSE_SECONDS = 5.0
UNAVAILABLE = retry_if_exception_type(DatabaseUnavailable)

log = logging.getLogger("espalier.api.migration")


def migrate_within(url: str, wait_seconds: float) -> None:
    """Migrate; retry for up to ``wait_seconds`` if the database does not answer.

    Raises:
        DatabaseUnavailable: it still does not answer.
        StartupFailed: the URL is wrong, or a migration failed.
    """
    Retrying(
        retry=UNAVAILABLE,
        stop=stop_after_delay(wait_seconds),
        wait=wait_fixed(min(1.0, wait_seconds)),
        reraise=True,
    )(migrate, url)


def migrate_until_done(url: str) -> None:
    """Migrate; retry until the database answers.

    Raises:
        StartupFailed: the URL is wrong, or a migration failed.
    """
    Retrying(retry=UNAVAILABLE, wait=wait_fixed(PAUSE_SECONDS), reraise=True)(migrate, url)


def migrate_or_later(url: str, wait_seconds: float) -> subprocess.Popen[bytes] | None:
    """Migrate; if the database is unavailable, start a process that retries until it answers, and return it.

    It is a process and not a thread, because the caller forks workers.
    """
    try:
        migrate_within(url, wait_seconds)
    except DatabaseUnavailable as error:
        log.warning("the database is unavailable: logins are refused until it answers", extra={"error": str(error)})
        return subprocess.Popen([sys.executable, "-m", "services.api", "migrate", "--wait"])
    return None
