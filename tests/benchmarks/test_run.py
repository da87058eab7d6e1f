"""The order of the rounds, and which failures end a run."""

from dataclasses import replace
from types import SimpleNamespace

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
    assert steps(FULL) == 6 * (3 * 6 + 2 * 4) + 3 * 4
    assert set(FULL.servers) == set(SERVERS)


def test_quick_run_fits_five_minutes():
    """Measuring alone takes less than half of them; the rest is for environments, starts and the model."""
    assert steps(QUICK) * (QUICK.seconds + QUICK.warm_up_seconds) < 150


def test_missing_environment_of_a_required_server_ends_the_run(monkeypatch, tmp_path):
    def fail(*_arguments, **_options):
        raise PeerFailed("no network")

    monkeypatch.setattr("benchmarks.run.make_environment", fail)
    progress = Progress(print, print, print)

    with pytest.raises(BenchmarkFailed, match="no network"):
        run_plan(QUICK, python_version="3.13", cores=Cores(0, 1), cache=tmp_path, progress=progress)


@pytest.fixture
def visited(monkeypatch, make_closed):
    """A run without servers: names of the visits in order. A visit to kserve fails."""
    visits = []

    def visit(_visitor, place, number):
        visits.append((number, place.contestant.name))
        if place.contestant.name == "kserve":
            raise PeerFailed("broken")
        return [make_closed(place.contestant.name, number, "1", 100.0)]

    places = [SimpleNamespace(contestant=SERVERS[name], site=None) for name in ("espalier", "starlette", "kserve")]
    monkeypatch.setattr("benchmarks.run.make_workload", lambda _folder: None)
    monkeypatch.setattr("benchmarks.run._environments", lambda *_: [])
    monkeypatch.setattr("benchmarks.run._places", lambda *_: places)
    monkeypatch.setattr("benchmarks.run.Visitor.measure_peak", visit)
    return visits


def run_kept(plan, tmp_path):
    kept = []
    progress = Progress(print, print, lambda run: kept.append(run.results()))
    run_plan(plan, python_version="3.13", cores=Cores(0, 1), cache=tmp_path, progress=progress)
    return kept


def test_rounds_are_interleaved_and_a_broken_peer_stops_nothing(visited, tmp_path):
    run_kept(replace(QUICK, rounds=2), tmp_path)

    assert visited == [
        (0, "espalier"),
        (0, "starlette"),
        (0, "kserve"),
        (1, "kserve"),
        (1, "starlette"),
        (1, "espalier"),
    ]


def test_results_are_kept_after_each_visit(visited, tmp_path):
    kept = run_kept(replace(QUICK, rounds=1), tmp_path)

    assert [len(results.closed) for results in kept] == [1, 2, 2]
    assert [one.reason for one in kept[-1].unmeasured] == ["broken"]
