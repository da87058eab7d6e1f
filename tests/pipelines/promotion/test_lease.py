"""The Lease, over the wire to a stand-in with the API server's rule for concurrent writes."""

import re
import threading

import pytest

from pipelines.config.settings import Settings
from pipelines.errors import InvalidParams, PromotionLocked, Unreachable
from pipelines.promotion import kubernetes_api, lease
from pipelines.promotion.lease import Timing, lease_lock
from tests.kubernetes_stand_in import LEASE, api_server

QUICK = Timing(duration=1, valid=0.6, renew=0.05)
OTHER = {"holderIdentity": "other", "acquireTime": "2026-01-01T00:00:00.000000Z", "leaseDurationSeconds": 1}


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setattr(kubernetes_api, "wait_exponential_jitter", lambda **_: lambda _state: 0)
    monkeypatch.setattr(lease, "Timing", lambda: QUICK)
    with api_server(tmp_path) as (state, kubeconfig):
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        yield state


def lock(wait=5.0):
    return lease_lock(
        Settings(rollout="kubernetes", deployment="api", namespace="ns", lease="promotion", lock_wait_seconds=wait)
    )


def eventually(true, seconds=10.0):
    """Look again and again; the limit only ends a test that would never end."""
    waited = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if true():
            return True
        waited.wait(0.02)
    return False


def test_lease_is_acquired_renewed_and_released(server):
    with lock() as held:
        first = dict(server.lease)
        held.check()
        assert eventually(lambda: server.lease["renewTime"] != first["renewTime"])
        held.check()

    assert first["holderIdentity"]
    assert first["leaseDurationSeconds"] == 1
    assert first["acquireTime"] == server.lease["acquireTime"], "a renewal does not acquire the lease again"
    assert server.lease["holderIdentity"] == ""
    assert server.objects[LEASE]["metadata"]["labels"] == {"helm": "yes"}, "what the chart wrote is left alone"


def test_times_have_six_decimals(server):
    with lock():
        for name in ("acquireTime", "renewTime"):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", server.lease[name])


def test_second_run_waits_for_the_first_and_is_told_who_it_is(server, capsys):
    order = []

    def second():
        with lock():
            order.append("second")

    with lock():
        holder, waiting = server.lease["holderIdentity"], threading.Thread(target=second)
        waiting.start()
        assert eventually(lambda: "waiting for another promotion" in capsys_text(capsys))
        assert holder in capsys_text(capsys)
        order.append("first")
    waiting.join(10)

    assert order == ["first", "second"]
    assert server.lease["leaseTransitions"] == 2


output = []


def capsys_text(capsys):
    output.append(capsys.readouterr().err.replace("\n", " "))
    return "".join(output)


@pytest.fixture(autouse=True)
def nothing_said():
    output.clear()


def test_only_one_of_many_runs_holds_the_lease(server):
    inside, most, guard = [0], [0], threading.Lock()

    def run():
        with lock(60) as held:
            with guard:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            held.check()
            with guard:
                inside[0] -= 1

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert most == [1]
    assert server.lease["leaseTransitions"] == 6


def test_expired_lease_of_a_killed_holder_is_taken(server):
    server.set_lease(**OTHER, renewTime="2026-01-01T00:00:00.000000Z")

    with lock() as held:
        held.check()
        assert server.lease["holderIdentity"] != "other"


def test_renewing_holder_is_never_replaced_despite_clock_skew(server):
    done = threading.Event()

    def renew():
        number = 0
        while not done.wait(0.05):
            number += 1
            server.set_lease(**OTHER, renewTime=f"2001-01-01T00:00:00.{number:06}Z")

    server.set_lease(**OTHER, renewTime="2001-01-01T00:00:00.000000Z")
    other = threading.Thread(target=renew)
    other.start()
    try:
        with pytest.raises(PromotionLocked, match="by other since 2026-01-01"), lock(wait=2.5):
            pass
    finally:
        done.set()
        other.join()


def test_lease_taken_by_another_run_is_lost(server):
    with lock() as held:
        server.set_lease(holderIdentity="other")

        def lost():
            try:
                held.check()
            except PromotionLocked as error:
                return "taken by other" in str(error)
            return False

        assert eventually(lost)

    assert server.lease["holderIdentity"] == "other", "not given back: it is not ours"


def test_unrenewed_lease_is_lost_before_another_run_may_take_it(server):
    with lock() as held:
        server.statuses += [503] * 500

        def lost():
            try:
                held.check()
            except PromotionLocked as error:
                return "not renewed" in str(error)
            return False

        assert eventually(lost)
        server.statuses.clear()


def test_short_outage_is_survived(server):
    with lock() as held:
        server.statuses += [503, 429, 500]
        assert eventually(lambda: not server.statuses)
        before = server.lease["renewTime"]
        assert eventually(lambda: server.lease["renewTime"] != before)
        held.check()


def test_own_write_with_a_lost_response_is_recognised(server):
    server.statuses += [200, 0]  # read; taken, but the response is lost
    with lock() as held:
        server.statuses += [0]  # renewed, but the response is lost
        assert eventually(lambda: not server.statuses)
        before = server.lease["renewTime"]
        assert eventually(lambda: server.lease["renewTime"] != before)
        held.check()
        assert server.lease["leaseTransitions"] <= 2


@pytest.mark.parametrize("status", [403, 404])
def test_rejected_call_says_which_settings_to_check(server, status):
    server.statuses.append(status)

    with pytest.raises(InvalidParams, match="PIPELINE_LEASE"), lock():
        pass


def test_api_server_that_does_not_answer_is_unreachable(server):
    server.statuses += [503] * 20

    with pytest.raises(Unreachable), lock():
        pass


def test_lease_is_released_when_the_run_fails(server):
    with pytest.raises(SystemExit), lock():
        raise SystemExit(143)

    assert server.lease["holderIdentity"] == ""


def test_holder_stops_writing_before_another_run_may_take_over():
    timing = Timing()

    assert timing.duration > timing.valid + lease.CALL_SECONDS
    assert timing.valid > 2 * timing.renew
