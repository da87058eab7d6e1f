"""What a prediction route does about a user's quota: take the rows, refuse with 429, and state both in headers.

The headers are those of the Internet-Draft draft-ietf-httpapi-ratelimit-headers-11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.api.errors import QuotaExceeded, TooManyRows
from services.api.prediction.quota import Quota

__all__ = ["QUOTA_EXCEEDED", "RateLimit"]

QUOTA_EXCEEDED = "quota_exceeded"
LINE = b'ratelimit: "rows";r=%d;t=%d\r\n'
REFUSED_BODY_ROWS = 1
"""What a body costs whose rows are refused."""


class RateLimit:
    """The quota of every user of one worker."""

    def __init__(self, quota: Quota, count_rejection: Callable[[str], None]) -> None:
        """Store the quota, and what counts refusals by reason."""
        self._quota, self._count_rejection = quota, count_rejection
        self.policy = f'"rows";q={quota.rows_per_minute};qu="rows";w=60;espalier-burst={quota.burst_rows}'
        """The value of RateLimit-Policy, the same for all users."""

    def take(self, user: str, rows: int) -> bytes | None:
        """Take the rows of a request; return the line of RateLimit, or None if there are fewer."""
        credit = self._quota.take(user, rows)
        return None if credit < 0 else LINE % self._quota.available(credit)

    def give_back(self, user: str, rows: int) -> None:
        """Return rows that were taken and not predicted."""
        self._quota.give_back(user, rows)

    def check(self, user: str) -> None:
        """Check that there is a row left, before the body is read.

        Raises:
            QuotaExceeded
        """
        if self._quota.wait_seconds(user, 1):
            raise self._exceeded(user, 1)

    @contextmanager
    def charged(self, user: str, rows: int) -> Iterator[None]:
        """Take the rows of a request from the quota, and return them if the request fails.

        Raises:
            QuotaExceeded: there are fewer; retry later.
            TooManyRows: there are never so many.
        """
        if rows > self._quota.burst_rows:
            self.charge_refused_body(user)
            self._count_rejection(TooManyRows.reason)
            most = f"{self._quota.burst_rows:,}"
            raise TooManyRows(f"send at most {most} rows in one request: the quota of a user is never more at once")
        if self.take(user, rows) is None:
            raise self._exceeded(user, rows)
        try:
            yield
        except Exception:
            self.give_back(user, rows)
            raise

    def charge_refused_body(self, user: str) -> None:
        """Take what a body costs whose rows are refused, if it is there."""
        self._quota.take(user, REFUSED_BODY_ROWS)

    def headers(self, user: str) -> dict[str, str]:
        """Return the headers of a response."""
        rows, seconds = self._quota.available(self._quota.credit(user))
        return {"RateLimit-Policy": self.policy, "RateLimit": f'"rows";r={rows};t={seconds}'}

    def _exceeded(self, user: str, rows: int) -> QuotaExceeded:
        self._count_rejection(QUOTA_EXCEEDED)
        available, _ = self._quota.available(self._quota.credit(user))
        wait = max(1, self._quota.wait_seconds(user, rows))
        return QuotaExceeded(
            f"the quota of {self._quota.rows_per_minute:,} rows a minute for each user is used up: "
            f"{available:,} of {rows:,} rows are available; retry in {wait} s",
            wait,
        )
