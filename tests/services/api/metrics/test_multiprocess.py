"""Counts of exited processes are exact, and their number of files does not grow."""

import threading

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from services.api.metrics.multiprocess import SharedCounts

KINDS = {
    "counter": ("seen", "seen_total", {"what": "row"}),
    "histogram": ("took", "took_bucket", {"le": "0.1"}),
    "gauge_mostrecent": ("model", "model", {}),
    "gauge_livesum": ("workers", "workers", {}),
}


def write(folder, process_id, *, at=1.0, **values):
    """The counts of a process, as prometheus_client writes them."""
    for kind, value in values.items():
        metric, name, labels = KINDS[kind]
        file = MmapedDict(str(folder / f"{kind}_{process_id}.db"))
        file.write_value(mmap_key(metric, name, list(labels), list(labels.values()), "Help."), value, at)
        file.close()


@pytest.fixture
def counts(tmp_path):
    return SharedCounts(tmp_path)


@pytest.fixture
def value(counts):
    registry = CollectorRegistry()
    registry.register(counts)

    def read(kind):
        _metric, name, labels = KINDS[kind]
        return registry.get_sample_value(name, labels)

    return read


def test_counters_stay_and_live_gauges_go(tmp_path, counts, value):
    write(tmp_path, 1, counter=3, histogram=2, gauge_livesum=1)
    write(tmp_path, 2, counter=4, histogram=1, gauge_livesum=1)
    counts.forget(1)
    assert (value("counter"), value("histogram"), value("gauge_livesum")) == (7, 3, 1)
    counts.forget(2)
    assert (value("counter"), value("histogram"), value("gauge_livesum")) == (7, 3, None)


def test_newest_gauge_value_is_kept(tmp_path, counts, value):
    write(tmp_path, 1, at=20.0, gauge_mostrecent=7)
    write(tmp_path, 2, at=10.0, gauge_mostrecent=6)
    counts.forget(1)
    counts.forget(2)
    assert value("gauge_mostrecent") == 7
    write(tmp_path, 3, at=30.0, gauge_mostrecent=8)
    assert value("gauge_mostrecent") == 8


def test_thousand_exited_workers_leave_one_file_per_type(tmp_path, counts, value):
    for process_id in range(1, 1001):
        write(tmp_path, process_id, counter=1, histogram=1, gauge_livesum=1)
        counts.forget(process_id)

    assert (value("counter"), value("histogram")) == (1000, 1000)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["counter_dead.db", "histogram_dead.db"]


def test_process_id_with_the_same_prefix_is_kept(tmp_path, counts, value):
    write(tmp_path, 12, counter=1, gauge_livesum=1)
    write(tmp_path, 2, counter=1, gauge_livesum=1)

    counts.forget(2)

    assert (value("counter"), value("gauge_livesum")) == (2, 1)
    assert (tmp_path / "counter_12.db").exists()


def test_reading_meanwhile_sees_every_count_once(tmp_path, counts, value):
    for process_id in range(1, 201):
        write(tmp_path, process_id, counter=1)
    seen, dying = [], threading.Thread(target=lambda: [counts.forget(number) for number in range(1, 201)])

    dying.start()
    while dying.is_alive():
        seen.append(value("counter"))
    dying.join()

    assert set(seen) == {200}
