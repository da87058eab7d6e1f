import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from services.api.prediction import quota as module
from services.api.prediction.quota import Quota

SECOND = 1_000_000_000


class Clock:
    """The time in nanoseconds, which only tests move."""

    def __init__(self, at=10**15):
        self.at = at

    def __call__(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def quota(clock):
    """A row a second, ten at once."""
    return Quota(rows_per_minute=60, burst_rows=10, now=clock)


def left(quota, user="ana"):
    return quota.available(quota.credit(user))[0]


def test_full_bucket_gives_exactly_the_burst(quota):
    assert quota.take("ana", 10) == 0
    assert quota.take("ana", 1) < 0


def test_rows_are_taken_all_or_none(quota):
    assert quota.take("ana", 8) >= 0
    assert quota.take("ana", 3) < 0
    assert left(quota) == 2
    assert quota.take("ana", 2) >= 0


def test_bucket_fills_with_time_up_to_the_burst(quota, clock):
    quota.take("ana", 10)

    clock.at += 2 * SECOND + SECOND // 2
    assert left(quota) == 2
    clock.at += 3600 * SECOND
    assert left(quota) == 10


def test_users_have_buckets_of_their_own(quota):
    quota.take("ana", 10)

    assert (left(quota), left(quota, "bob")) == (0, 10)


def test_wait_is_until_the_rows_are_available(quota, clock):
    quota.take("ana", 10)
    clock.at += SECOND // 4

    assert quota.wait_seconds("ana", 1) == 1
    assert quota.wait_seconds("ana", 5) == 5
    clock.at += 5 * SECOND - SECOND // 4 - 1
    assert quota.take("ana", 5) < 0
    clock.at += 1
    assert quota.wait_seconds("ana", 5) == 0
    assert quota.take("ana", 5) >= 0


def test_next_row_comes_within_the_seconds_that_are_told(clock):
    slow = Quota(rows_per_minute=2, burst_rows=4, now=clock)
    slow.take("ana", 4)
    clock.at += 7 * SECOND

    assert slow.available(slow.credit("ana")) == (0, 23)
    clock.at += 23 * SECOND - 1
    assert left(slow) == 0
    clock.at += 1
    assert left(slow) == 1


def test_rows_that_were_not_predicted_are_given_back(quota, clock):
    quota.take("ana", 6)

    quota.give_back("ana", 6)
    quota.give_back("bob", 6)

    assert (left(quota), left(quota, "bob")) == (10, 10)
    assert quota.take("ana", 11) < 0, "a bucket has never more than the burst"


def test_user_whose_bucket_is_full_is_forgotten(quota, clock, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 3)
    quota = Quota(rows_per_minute=60, burst_rows=10, now=clock)
    for number in range(3):
        quota.take(f"early {number}", 1)
    clock.at += SECOND
    for number in range(3):
        quota.take(f"late {number}", 1)

    assert len(quota) == 3, "the early ones were forgotten when there were more than three"
    assert all(left(quota, f"late {number}") == 9 for number in range(3))
    assert all(left(quota, f"early {number}") == 10 for number in range(3))


def test_memory_is_bounded_by_the_users_of_a_fill_time(clock):
    """Of a million users who come one after the other, only those are in memory whose bucket is not full."""
    quota = Quota(rows_per_minute=60_000, burst_rows=10, now=clock)
    most = 0
    for number in range(20_000):
        quota.take(str(number), 10)
        clock.at += SECOND // 1000
        most = max(most, len(quota))

    assert most <= module.KEPT + 1


def test_restarted_worker_has_full_buckets(quota, clock):
    quota.take("ana", 10)

    assert left(Quota(rows_per_minute=60, burst_rows=10, now=clock)) == 10


steps = some.lists(some.tuples(some.integers(0, 3 * SECOND), some.integers(1, 40), some.booleans()), max_size=30)


@settings(deadline=None, max_examples=200)
@given(some.integers(1, 10**8), some.integers(1, 30), steps)
def test_no_interval_has_more_rows_than_the_burst_and_what_was_refilled(rows_per_minute, burst, steps):
    """In any interval of t minutes at most burst + rows_per_minute * t rows are predicted."""
    clock = Clock()
    quota, taken = Quota(rows_per_minute=rows_per_minute, burst_rows=burst, now=clock), []
    for pause, rows, is_predicted in steps:
        clock.at += pause
        if quota.take("ana", rows) >= 0:
            if is_predicted:
                taken.append((clock.at, rows))
            else:
                quota.give_back("ana", rows)

    for first, (start, _) in enumerate(taken):
        total = 0
        for end, rows in taken[first:]:
            total += rows
            assert (total - burst) * 60 * SECOND <= (end - start) * rows_per_minute


@settings(deadline=None, max_examples=200)
@given(some.integers(1, 10**6), some.integers(1, 30), steps)
def test_wait_is_enough_and_not_a_second_too_long(rows_per_minute, burst, steps):
    clock = Clock()
    quota = Quota(rows_per_minute=rows_per_minute, burst_rows=burst, now=clock)
    for pause, rows, _ in steps:
        clock.at += pause
        if rows <= burst and quota.take("ana", rows) < 0:
            wait = quota.wait_seconds("ana", rows)
            clock.at += (wait - 1) * SECOND
            assert quota.take("ana", rows) < 0
            clock.at += SECOND
            assert quota.take("ana", rows) >= 0


def test_time_of_a_row_is_rounded_in_favour_of_the_limit(clock):
    quota = Quota(rows_per_minute=90_000_000, burst_rows=1, now=clock)  # 666.7 ns a row
    taken = 0
    for _ in range(1000):
        taken += quota.take("ana", 1) >= 0
        clock.at += 666

    assert taken <= 1 + 999 * 666 * 90_000_000 / (60 * SECOND)


class Yielding(dict):
    """Lets other threads run after it was read."""

    def get(self, *arguments):
        value = super().get(*arguments)
        time.sleep(0.0001)
        return value


def test_threads_share_a_bucket(clock):
    quota = Quota(rows_per_minute=1, burst_rows=50, now=clock)
    quota._full_at = Yielding()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: quota.take("ana", 1) >= 0, range(200)))

    assert sum(found) == 50
