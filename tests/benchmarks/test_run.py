"""The order of the rounds, and which failures end a run."""

import pytest

from benchmarks.errors import BenchmarkFailed, PeerFailed
from benchmarks.plan import FULL, QUICK
from benchmarks.run import Progress, Run, _turned, run_plan, steps
from benchmarks.samples import Unmeasured
from benchmarks.servers import SERVERS
from benchmarks.visit import Cores


def test_peer_that_fails_is_noted_once():
    run = Run()
    run.miss(Unmeasured("kserve", "", "first"))
    run.miss(Unmeasured("kserve", "", "second"))

    assert [one.reason for one in run.results().unmeasured] == ["first"]


@pytest.mark.parametrize("scenario", ["", "1", "100"])
@pytest.mark.parametrize("server", ["espalier", "starlette"])
def test_run_without_espalier_or_the_reference_fails(server, scenario):
    with pytest.raises(BenchmarkFailed, match=f"{server}.*why"):
        Run().miss(Unmeasured(server, scenario, "why"))


def test_espalier_may_lack_a_large_scenario():
    run = Run()
    run.miss(Unmeasured("espalier", "10000", "too many rows"))

    assert len(run.results().unmeasured) == 1


def test_every_second_round_is_reversed():
    assert _turned([1, 2, 3], 0) == [1, 2, 3]
    assert _turned([1, 2, 3], 1) == [3, 2, 1]


def test_steps_are_the_measurements_of_the_plan():
    assert steps(QUICK) == 2 * 3 * 2
    assert steps(FULL) == 6 * (3 * 4 + 2 * 4) + 3 * 4
    assert set(FULL.servers) == set(SERVERS)


def test_quick_run_fits_five_minutes():
    """Measuring alone takes less than half of them; the rest is for environments, starts and the model."""
    assert steps(QUICK) * (QUICK.seconds + QUICK.warm_up_seconds) < 150


def test_missing_environment_of_a_required_server_ends_the_run(monkeypatch, tmp_path):
    def fail(*_arguments, **_options):
        raise PeerFailed("no network")

    monkeypatch.setattr("benchmarks.run.make_environment", fail)
    progress = Progress(print, print)

    with pytest.raises(BenchmarkFailed, match="no network"):
        run_plan(QUICK, python_version="3.13", cores=Cores(0, 1), cache=tmp_path, progress=progress)
