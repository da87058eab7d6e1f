"""How many rows each user may have predicted: a token bucket for each, in the memory of one worker.

The algorithm is GCRA, the generic cell rate algorithm: of a bucket only the time is stored at which it is full again.
Source: ITU-T I.371, annex A.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["Quota"]

NANOSECONDS = 1_000_000_000
SECONDS_A_MINUTE = 60

KEPT = 1024
"""So many buckets are kept before full ones are looked for."""


class Quota:
    """Buckets by user. What is left of one is its credit: a time in nanoseconds, in which a row costs an interval.

    Whole nanoseconds have no rounding errors: a full bucket gives exactly ``burst_rows``. It may be used by several
    threads.
    """

    def __init__(self, *, rows_per_minute: int, burst_rows: int, now: Callable[[], int] = time.monotonic_ns) -> None:
        """Start with full buckets.

        Args:
            rows_per_minute: how fast a bucket fills.
            burst_rows: how many rows a full one has.
            now: the time in nanoseconds, from any start.
        """
        self.rows_per_minute, self.burst_rows, self._now = rows_per_minute, burst_rows, now
        self._interval = -(-SECONDS_A_MINUTE * NANOSECONDS // rows_per_minute)  # rounded up: never more than the quota
        self._burst = burst_rows * self._interval
        self._full_at: dict[str, int] = {}
        self._look_at, self._lock = KEPT, threading.Lock()

    def take(self, user: str, rows: int) -> int:
        """Take all rows or none; return the credit that is left, which is negative if none were taken."""
        now, cost = self._now(), rows * self._interval
        with self._lock:
            full_at = self._full_at.get(user, 0)
            full_at = cost + (full_at if full_at > now else now)  # max() takes longer, on the path of every request
            credit = now + self._burst - full_at
            if credit >= 0:
                self._full_at[user] = full_at
                if len(self._full_at) > self._look_at:
                    self._forget_full(now)
        return credit

    def give_back(self, user: str, rows: int) -> None:
        """Return rows that were taken and not predicted."""
        with self._lock:
            if user in self._full_at:
                self._full_at[user] -= rows * self._interval

    def credit(self, user: str) -> int:
        """Return the credit of a user, which is never negative."""
        now = self._now()
        return now + self._burst - max(self._full_at.get(user, 0), now)

    def available(self, credit: int) -> tuple[int, int]:
        """Return how many rows a credit of at least 0 is worth, and the seconds until one row more, rounded up."""
        interval = self._interval
        rows = credit // interval
        return rows, 1 if interval <= NANOSECONDS else _seconds(interval - credit % interval)

    def wait_seconds(self, user: str, rows: int) -> int:
        """Return the seconds until a user can take so many rows, rounded up; 0 if that is now."""
        return _seconds(max(0, rows * self._interval - self.credit(user)))

    def _forget_full(self, now: int) -> None:
        """Forget the buckets that are full, at most once each time that their number has doubled."""
        self._full_at = {user: full_at for user, full_at in self._full_at.items() if full_at > now}
        self._look_at = max(KEPT, 2 * len(self._full_at))

    def __len__(self) -> int:
        """Return how many buckets are in memory."""
        return len(self._full_at)


def _seconds(nanoseconds: int) -> int:
    return -(-nanoseconds // NANOSECONDS)
