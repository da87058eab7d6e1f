"""Counts of several processes, some of which are killed, are exact."""

import os
import signal

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from services.api.errors import StartupFailed
from services.api.metrics.shared import CELLS, SLOTS, SharedMetrics


@pytest.fixture
def shared():
    return SharedMetrics()


@pytest.fixture
def value(shared):
    registry = CollectorRegistry()
    registry.register(shared)
    return lambda name, **labels: registry.get_sample_value(name, labels)


def in_child(shared, slot, work):
    """Run the work in a forked process that then kills itself."""
    child = os.fork()
    if not child:
        shared.use_slot(slot)
        work()
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_counts_of_killed_workers_stay_and_their_gauges_go(shared, value):
    rows, busy = shared.counter("rows_total", "Rows.", ["label"]), shared.gauge("busy", "Busy.")
    yes, no = rows.labels("yes"), rows.labels("no")
    seconds = shared.histogram("seconds", "Seconds.", (0.1, 1)).labels()

    def work():
        for _ in range(1000):
            yes.inc()
        no.inc(2.5)
        busy.inc()
        seconds.observe(0.1)
        seconds.observe(5)

    slots = [shared.take_slot() for _ in range(3)]
    for slot in slots:
        in_child(shared, slot, work)
    assert (value("rows_total", label="yes"), value("rows_total", label="no"), value("busy")) == (3000, 7.5, 3)
    for slot in slots[:2]:
        shared.release_slot(slot)
    assert (value("rows_total", label="yes"), value("busy")) == (3000, 1)

    replacing = shared.take_slot()
    assert replacing in slots[:2]
    in_child(shared, replacing, work)
    assert (value("rows_total", label="yes"), value("busy")) == (4000, 2)
    buckets = [value("seconds_bucket", le=limit) for limit in ("0.1", "1.0", "+Inf")]
    assert (buckets, value("seconds_sum")) == ([4, 4, 8], pytest.approx(20.4))


def test_series_exist_at_zero_without_a_creation_time(shared):
    shared.counter("rows_total", "Rows.", ["label"]).labels("yes")
    shared.histogram("seconds", "Seconds.", (0.5,)).labels()
    registry = CollectorRegistry()
    registry.register(shared)

    text = generate_latest(registry).decode()

    assert 'rows_total{label="yes"} 0.0' in text
    assert 'seconds_bucket{le="0.5"} 0.0' in text
    assert "_created" not in text


def test_a_value_at_a_limit_belongs_to_its_bucket(shared, value):
    seconds = shared.histogram("seconds", "Seconds.", (0.1, 1)).labels()
    seconds.observe(1)

    assert [value("seconds_bucket", le=limit) for limit in ("0.1", "1.0", "+Inf")] == [0, 1, 1]


def test_thousand_exits_use_one_slot(shared):
    first = shared.take_slot()
    for _ in range(1000):
        shared.release_slot(shared.take_slot())

    assert shared.take_slot() == first + 1 < SLOTS


def test_too_many_series_fail_the_start(shared):
    with pytest.raises(StartupFailed, match="too many features"):
        shared.allocate(CELLS + 1)
