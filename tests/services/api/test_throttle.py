import pytest

from services.api.database import open_engine
from services.api.errors import TooManyLogins
from services.api.throttle import ACCOUNT, ADDRESS, LoginThrottle


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def throttle(engine, clock):
    return LoginThrottle(engine, clock)


def wait_of(throttle, account="ana", address="10.0.0.1"):
    try:
        throttle.check(account, address)
    except TooManyLogins as error:
        return error.retry_after_seconds
    return 0


def test_a_few_tries_are_free_then_each_doubles_the_wait(throttle):
    waits = []
    for number in range(ACCOUNT.free_tries + 3):
        throttle.failed("ana", f"10.0.0.{number}")
        waits.append(wait_of(throttle, address="10.9.9.9"))

    assert waits == [0, 0, 0, 0, 1, 2, 4, 8]


def test_wait_is_bounded_and_ends_by_itself(throttle, clock):
    for _ in range(40):
        throttle.failed("ana", "10.0.0.1")

    assert wait_of(throttle, address="10.9.9.9") == ACCOUNT.max_wait_seconds
    clock.now += ACCOUNT.max_wait_seconds
    assert wait_of(throttle, address="10.9.9.9") == 0


def test_address_that_tries_many_accounts_waits_too(throttle):
    for number in range(ADDRESS.free_tries + 2):
        throttle.failed(f"user{number}", "10.0.0.1")

    assert wait_of(throttle, account="somebody else") > 0
    assert wait_of(throttle, account="somebody else", address="10.0.0.2") == 0


def test_other_worker_on_the_same_database_knows(throttle, settings, clock):
    for _ in range(10):
        throttle.failed("ana", "10.0.0.1")
    other_engine = open_engine(settings.database_url)

    assert wait_of(LoginThrottle(other_engine, clock)) > 0
    other_engine.dispose()


def test_success_clears_the_account_not_the_address(throttle):
    for _ in range(ADDRESS.free_tries + 3):
        throttle.failed("ana", "10.0.0.1")

    throttle.succeeded("ana")

    assert wait_of(throttle, address="10.0.0.2") == 0
    assert wait_of(throttle) > 0


def test_old_failures_are_forgotten(throttle, clock):
    for _ in range(10):
        throttle.failed("ana", "10.0.0.1")

    clock.now += 3601

    assert wait_of(throttle) == 0


def test_what_was_typed_is_not_kept(throttle, engine):
    from sqlalchemy import text

    throttle.failed("my-password-in-the-wrong-field", "10.0.0.1")

    with engine.connect() as connection:
        stored = connection.execute(text("select key from login_failures")).scalars().all()
    assert not any("my-password" in key for key in stored)
