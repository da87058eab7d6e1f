import asyncio
import errno
import ssl

import pytest

from espalier.load import generator
from espalier.load.generator import Load, Target

# On a busy machine the shutdown of a TLS connection may outlast the generator's patience: no failure of it.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def target(fake_api):
    tls = ssl.create_default_context(cafile=str(fake_api.ca))
    return Target(fake_api.url, tls, "ana", fake_api.password, b'{"rows": [{}]}')


def send(target, rate=50, seconds=0.4, **how):
    load = Load(target, **how)
    asyncio.run(load.open_loop(rate, seconds))
    return load


def test_requests_are_sent_at_the_rate(fake_api, target):
    load = send(target)

    assert load.sent == len(load.answers) == len(fake_api.bodies) == 20
    assert {(answer.status, answer.version, answer.error) for answer in load.answers} == {(200, "7", "")}
    assert set(fake_api.bodies) == {target.body}
    offsets = [answer.started - load.answers[0].started for answer in load.answers]
    assert sorted(offsets) == pytest.approx([place / 50 for place in range(20)], abs=1e-5)


def test_slow_responses_do_not_delay_later_requests(fake_api, target):
    """A closed loop of one client would have sent one."""
    fake_api.delay_seconds = 0.5

    load = send(target)

    assert load.sent == 20
    assert min(answer.seconds for answer in load.answers) >= 0.5


def test_latency_is_measured_from_the_scheduled_time(target, monkeypatch):
    """A generator that stops for a while makes what it should have sent meanwhile late, and says so."""
    stops = iter([0.3])

    class Stopping(Load):
        def _connection(self, kept, new):
            if self.sent == 5:
                generator.time.sleep(next(stops))
            return super()._connection(kept, new)

    load = Stopping(target)
    asyncio.run(load.open_loop(50, 0.4))

    late = sorted(load.answers, key=lambda answer: answer.started)[5]
    assert late.late_seconds >= 0.3
    assert late.seconds >= late.late_seconds
    assert load.sent == 20


@pytest.mark.parametrize(("new_every", "new"), [(0, 0), (1, 20), (2, 10), (10, 2)])
def test_share_of_new_connections(fake_api, target, new_every, new):
    load = send(target, new_every=new_every)

    assert [answer.kind for answer in load.answers].count("new") == new
    assert len(fake_api.connections) >= new


def test_kinds_of_failure_are_distinguished(fake_api, target):
    fake_api.answer = lambda number: (200, 503, 422, None)[number % 4]

    load = send(target, new_every=1)

    counts = [sum(answer.status == status for answer in load.answers) for status in (200, 503, 422, 0)]
    assert counts == [5, 5, 5, 5]
    assert load.failed == 15
    assert not any(answer.own for answer in load.answers)
    assert {answer.error.split(":")[0] for answer in load.answers if not answer.status} <= {
        "ServerDisconnectedError",
        "ClientOSError",
    }


def test_response_without_a_prediction_is_a_failure():
    """As a proxy's page would be."""
    answer = generator.Answer(0.0, "kept")

    generator._read(answer, 200, b"<html>")

    assert answer.status == 0
    assert "200 without a prediction" in answer.error


def test_local_resource_limit_is_marked(target, monkeypatch):
    async def no_file(*args, **kwargs):
        raise OSError(errno.EMFILE, "Too many open files")

    load = Load(target, new_every=1)
    log_in = load._log_in

    async def log_in_first(session):
        await log_in(session)
        monkeypatch.setattr("aiohttp.connector.TCPConnector._create_connection", no_file)

    load._log_in = log_in_first
    asyncio.run(load.open_loop(50, 0.1))

    assert {(answer.status, answer.own) for answer in load.answers} == {(0, True)}


def test_load_can_be_stopped(target):
    load = Load(target)
    asyncio.run(load.open_loop(50, 60, lambda: load.sent >= 5))

    assert load.sent == len(load.answers) == 5


def test_login_is_renewed_and_retried(fake_api, target, monkeypatch):
    monkeypatch.setattr(generator, "LOGIN_SECONDS", 0.02)
    monkeypatch.setattr(generator, "NEXT_LOGIN_SECONDS", 0.01)
    load = Load(target)
    logins = []
    log_in = load._log_in

    async def counted(session):
        logins.append(1)
        if len(logins) == 2:
            raise TimeoutError
        await log_in(session)

    load._log_in = counted
    asyncio.run(load.open_loop(50, 60, lambda: len(logins) >= 4))

    assert not any(answer.error for answer in load.answers)


def test_closed_loop_measures_capacity(fake_api, target):
    load = Load(target)
    asyncio.run(load.closed_loop(0.3))

    assert load.sent == len(load.answers) >= generator.CLIENTS
    assert {answer.status for answer in load.answers} == {200}
