import pytest
from sqlalchemy import func, insert, select, text

from services.api.auth.logins import login_throttle as module
from services.api.auth.logins.login_throttle import LoginThrottle, networks_of
from services.api.database.engine import open_engine, open_session
from services.api.database.tables import LoginBucket, LoginOrigin
from services.api.errors import TooManyLogins

HOUR = 3600


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


def wait_of(throttle, name="ana", address="10.0.0.1"):
    try:
        throttle.admit(name, address)
    except TooManyLogins as error:
        return error.retry_after_seconds
    return 0


def fail(throttle, name="ana", address="10.0.0.1"):
    throttle.failed(throttle.admit(name, address))


def log_in(throttle, name="ana", address="10.0.0.1"):
    throttle.succeeded(throttle.admit(name, address))


def attack(throttle, clock, tries=120, per_second=5):
    """Fail logins of one account, each from a new address."""
    for number in range(tries):
        fail(throttle, address=f"198.51.{number // 256}.{number % 256}")
        clock.now += 1 / per_second


def test_pair_has_five_free_attempts_then_one_a_minute(throttle, clock):
    for _ in range(5):
        fail(throttle)

    assert wait_of(throttle) == 60
    clock.now += 59
    assert wait_of(throttle) == 1
    clock.now += 1
    fail(throttle)
    assert wait_of(throttle) == 60


def test_refused_attempts_do_not_extend_the_wait(throttle, clock):
    for _ in range(5):
        fail(throttle)
    for _ in range(50):
        clock.now += 1
        wait_of(throttle)

    assert wait_of(throttle) == 10


def test_address_has_twenty_free_attempts_then_one_a_minute(throttle, clock):
    for number in range(20):
        fail(throttle, name=f"user{number}")

    assert wait_of(throttle, name="another user") == 60
    assert wait_of(throttle, name="another user", address="10.0.0.2") == 0
    clock.now += 60
    assert wait_of(throttle, name="another user") == 0


def test_failures_expire_as_configured(throttle, clock):
    for _ in range(5):
        fail(throttle)

    clock.now += 4 * 60 + 59
    fail(throttle)
    assert wait_of(throttle) == 0
    clock.now -= 4 * 60
    assert wait_of(throttle) > 0


def test_owner_can_log_in_from_a_known_address_under_attack(throttle, clock):
    log_in(throttle, address="203.0.113.7")
    attack(throttle, clock)

    assert wait_of(throttle, address="203.0.113.7") == 0


def test_owner_can_log_in_from_a_new_address_under_attack(throttle, clock):
    attack(throttle, clock)

    assert wait_of(throttle, address="203.0.113.8") == 0


def test_account_under_attack_allows_one_attempt_an_hour_per_new_address(throttle, clock):
    attack(throttle, clock)
    fail(throttle, address="203.0.113.8")

    assert wait_of(throttle, address="203.0.113.8") == HOUR
    assert wait_of(throttle, name="bob", address="203.0.113.8") == 0
    clock.now += HOUR
    assert wait_of(throttle, address="203.0.113.8") == 0


def test_failures_from_a_known_address_cost_a_minute_each(throttle, clock):
    log_in(throttle, address="203.0.113.7")
    attack(throttle, clock)
    for _ in range(5):
        fail(throttle, address="203.0.113.7")

    assert wait_of(throttle, address="203.0.113.7") == 60


def test_known_address_does_not_wait_for_others_behind_it(throttle):
    log_in(throttle)
    for number in range(20):
        fail(throttle, name=f"user{number}")

    assert wait_of(throttle, name="bob") > 0
    assert wait_of(throttle) == 0


def test_login_does_not_reset_failures_of_its_address(throttle):
    for _ in range(4):
        fail(throttle)
    log_in(throttle)
    fail(throttle)

    assert wait_of(throttle) == 60


def test_address_stays_known_for_thirty_days(throttle, clock):
    log_in(throttle)
    clock.now += 29 * 86400
    assert throttle.admit("ana", "10.0.0.1").is_known
    assert not throttle.admit("ana", "10.0.0.2").is_known
    assert not throttle.admit("bob", "10.0.0.1").is_known
    clock.now += 2 * 86400
    assert not throttle.admit("ana", "10.0.0.1").is_known


def test_logins_keep_an_address_known(throttle, clock):
    for _ in range(3):
        log_in(throttle)
        clock.now += 20 * 86400

    assert throttle.admit("ana", "10.0.0.1").is_known


def test_attempts_at_one_account_are_bounded_per_address(throttle, clock):
    addresses, evaluated = [f"198.51.100.{number}" for number in range(6)], 0
    for _ in range(3 * 6):
        for address in addresses:
            while not wait_of(throttle, address=address):
                fail(throttle, address=address)
                evaluated += 1
        clock.now += 600

    assert evaluated <= 100 + 3 * 60 + (3 + 1) * len(addresses)


@pytest.mark.parametrize(
    ("one", "other", "count_as_one"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:1:2:3", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("fe80::1%eth0", "fe80::2", True),
    ],
)
def test_ipv6_counts_by_its_64_network(throttle, one, other, count_as_one):
    for _ in range(5):
        fail(throttle, address=one)

    assert (wait_of(throttle, address=other) > 0) == count_as_one


def test_ipv6_site_has_80_attempts(throttle):
    for number in range(80):
        fail(throttle, name=f"user{number}", address=f"2001:db8:1:{number:x}::1")

    assert wait_of(throttle, name="bob", address="2001:db8:1:ffff::1") == 15
    assert wait_of(throttle, name="bob", address="2001:db8:2::1") == 0


@pytest.mark.parametrize("address", ["", "unknown", "x" * 100_000, "caf\xe9", "\ud800", "testclient"])
def test_invalid_address_is_counted(throttle, address):
    for _ in range(5):
        fail(throttle, address=address)

    assert wait_of(throttle, address=address) == 60
    assert all(len(network) <= 64 for network in networks_of(address))


def test_replicas_on_the_same_database_have_one_limit(identity_url, clock):
    engines = [open_engine(identity_url) for _ in range(3)]
    replicas = [LoginThrottle(engine, clock) for engine in engines]
    for number in range(5):
        fail(replicas[number % 3])

    assert [wait_of(replica) for replica in replicas] == [60, 60, 60]
    log_in(replicas[0], address="10.0.0.9")
    assert replicas[1].admit("ana", "10.0.0.9").is_known
    replicas[2].prune()
    assert wait_of(replicas[0]) == 60
    for engine in engines:
        engine.dispose()


def test_simultaneous_failures_are_all_counted(throttle, clock):
    admitted = [throttle.admit("ana", "10.0.0.1") for _ in range(24)]
    for admission in admitted:
        throttle.failed(admission)

    assert wait_of(throttle) == 20 * 60


def test_no_wait_is_longer_than_65_minutes(throttle):
    admitted = [throttle.admit("ana", "10.0.0.1") for _ in range(200)]
    for admission in admitted:
        throttle.failed(admission)

    assert wait_of(throttle) == HOUR + 300


def test_random_names_and_addresses_use_bounded_space(throttle, engine, clock, monkeypatch):
    monkeypatch.setattr(module, "MAX_BUCKETS", 50)
    monkeypatch.setattr(module, "PRUNE_EVERY", 16)
    for number in range(400):
        fail(throttle, name=f"user{number}", address=f"198.51.{number // 256}.{number % 256}")

    with open_session(engine) as session:
        assert session.scalar(select(func.count()).select_from(LoginBucket)) <= 50 + 3 * 16
    clock.now += 2 * HOUR + 6000
    throttle.prune()
    with open_session(engine) as session:
        assert session.scalar(select(func.count()).select_from(LoginBucket)) == 0


def test_longest_waits_are_kept_when_space_is_short(throttle, monkeypatch):
    monkeypatch.setattr(module, "MAX_BUCKETS", 3)
    for _ in range(5):
        fail(throttle)
    for number in range(20):
        fail(throttle, name=f"user{number}", address=f"198.51.100.{number}")
    throttle.prune()

    assert wait_of(throttle) == 60


def test_account_keeps_its_twenty_newest_addresses(throttle, engine, clock):
    for number in range(30):
        log_in(throttle, address=f"10.0.1.{number}")
        clock.now += 1

    assert networks_kept(engine) == {f"10.0.1.{number}" for number in range(10, 30)}


def networks_kept(engine, name="ana"):
    with open_session(engine) as session:
        return set(session.scalars(select(LoginOrigin.network).where(LoginOrigin.name == name)))


def test_newest_address_is_the_last_used_one(throttle, engine, clock):
    for number in range(20):
        log_in(throttle, address=f"10.0.1.{number}")
        clock.now += 1
    clock.now += 86400
    for number in range(10):  # in use again, after more than the day that a use counts for
        log_in(throttle, address=f"10.0.1.{number}")
        clock.now += 1
    for number in range(20, 30):
        log_in(throttle, address=f"10.0.1.{number}")
        clock.now += 1

    assert networks_kept(engine) == {f"10.0.1.{number}" for number in (*range(10), *range(20, 30))}


def test_known_addresses_are_per_account(throttle, engine, clock):
    log_in(throttle, name="ben", address="10.0.2.1")
    clock.now += 1
    for number in range(30):
        log_in(throttle, address=f"10.0.1.{number}")
        clock.now += 1

    assert networks_kept(engine, "ben") == {"10.0.2.1"}


def test_time_of_the_last_login_is_written_once_a_day(throttle, engine, clock):
    def last():
        with open_session(engine) as session:
            return session.scalars(select(LoginOrigin.last)).one()

    log_in(throttle)
    began = clock.now
    for later, written in ((1, began), (86399, began), (86400, began + 86400)):
        clock.now = began + later
        log_in(throttle)
        assert last() == written


@pytest.mark.parametrize("name", ["my-password-in-the-wrong-field", "x" * 100_000, "\0", "\ud800", ""])
def test_typed_names_are_not_stored(throttle, engine, name):
    fail(throttle, name=name)

    with engine.connect() as connection:
        stored = connection.execute(text("select key from login_buckets")).scalars().all()
    assert len(stored) == 3
    assert all(len(key) <= 64 and "my-password" not in key for key in stored)


def test_expired_failures_are_deleted_after_256_failures(throttle, engine, clock):
    fail(throttle, name="long-ago", address="198.51.100.1")
    clock.now += 10 * HOUR
    admission = throttle.admit("ana", "10.0.0.1")

    def kept():
        with open_session(engine) as session:
            return session.scalar(select(func.count()).select_from(LoginBucket))

    for _ in range(254):
        throttle.failed(admission)
    assert kept() == 6
    throttle.failed(admission)
    assert kept() == 3


def test_at_most_100_000_failures_are_stored(throttle, engine, clock):
    rows = [{"key": f"pair:{number}", "clear_at": clock.now + 1000 + number} for number in range(100_001)]
    with open_session(engine) as session:
        session.execute(insert(LoginBucket), rows)

    throttle.prune()

    with open_session(engine) as session:
        assert session.scalar(select(func.count()).select_from(LoginBucket)) == 100_000
        assert session.get(LoginBucket, "pair:0") is None, "the one that would stop counting first"
