"""One visit to a small server: answers are checked, what fails is named, the process is measured and ended."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest

from benchmarks.contestants import JsonServer, Site
from benchmarks.environments import Environment
from benchmarks.errors import PeerFailed
from benchmarks.load.sending import Counted
from benchmarks.plan import SCENARIOS, Plan
from benchmarks.processes import Launch, pin, running
from benchmarks.samples import Closed, Open, Start, Unmeasured
from benchmarks.visit import Cores, Place, Visitor
from benchmarks.workload import Workload
from espalier.local.processes import free_port

SCENARIO = replace(SCENARIOS["1"], bodies=2, connections=2)
PLAN = Plan(("echo",), (SCENARIO,), rounds=1, seconds=1, warm_up_seconds=0, open_seconds=1)
CORE = min(os.sched_getaffinity(0))


def launch(site, *arguments):
    command = [sys.executable, str(Path(__file__).parent / "echo_server.py"), str(site.port), *arguments]
    return Launch(command, f"{site.url}/ready", folder=site.folder)


@pytest.fixture
def place(tmp_path):
    rows = np.arange(200, dtype=np.float64).reshape(100, 2) / 1000
    workload = Workload(tmp_path, tmp_path, rows, rows.sum(axis=1).astype(np.float32))
    site = Site(Environment(Path(sys.executable), {}), workload, tmp_path, free_port())
    echo = JsonServer(
        name="echo",
        title="echo",
        environment="echo",
        packages=(),
        predict_path="/predict",
        launch=launch,
        body=lambda rows: {"data": rows.tolist()},
        read=lambda answer: answer,
    )
    return Place(echo, site, launch(site))


@pytest.fixture
def counted(monkeypatch):
    """Send nothing; every measurement counts the same."""
    result = Counted(requests=100, seconds=2.0, errors=1, p50_ms=1.0, p99_ms=2.0, load_cpu_share=0.25)
    rates = []
    monkeypatch.setattr("benchmarks.visit.send_closed", lambda *_, **__: result)
    monkeypatch.setattr("benchmarks.visit.send_open", lambda *_, rate, **__: rates.append(rate) or result)
    return rates


def visitor(place, advanced=None):
    return Visitor(PLAN, Cores(CORE, CORE), place.site.folder, (advanced if advanced is not None else []).append)


def test_peak_is_measured_with_memory_and_start(place, counted):
    advanced = []
    closed, start = visitor(place, advanced).measure_peak(place, 3)

    assert isinstance(closed, Closed) and isinstance(start, Start)
    assert (closed.server, closed.round, closed.scenario, closed.per_second) == ("echo", 3, "1", 50.0)
    assert start.seconds > 0 and start.pss_mib > 1 and closed.pss_mib > 1
    assert advanced == ["echo, 1 row(s)"]


def test_wrong_answer_is_not_measured(place, counted):
    wrong = replace(place, launch=launch(place.site, "0.00001"))
    missing, _start = visitor(place).measure_peak(wrong, 0)

    assert isinstance(missing, Unmeasured)
    assert "differ by 1e-05" in missing.reason


def test_difference_within_the_tolerance_is_accepted(place, counted):
    closed, _start = visitor(place).measure_peak(replace(place, launch=launch(place.site, "0.0000005")), 0)

    assert isinstance(closed, Closed)


def test_form_that_the_server_does_not_take_is_passed_over(place, counted):
    plan = replace(PLAN, scenarios=(replace(SCENARIO, name="1-arrow", form="arrow"), SCENARIO))
    closed, _start = replace(visitor(place), plan=plan).measure_peak(place, 0)

    assert closed.scenario == "1"


def test_open_loop_sends_at_shares_of_the_own_peak(place, counted):
    found = visitor(place).measure_latency(place, 0, {"1": 1000.0})

    assert counted == [250.0, 500.0, 750.0, 900.0]
    assert all(isinstance(one, Open) for one in found)
    assert [one.share for one in found] == [0.25, 0.5, 0.75, 0.9]


def test_scenario_without_a_peak_has_no_open_loop(place, counted):
    assert visitor(place).measure_latency(place, 0, {}) == []


def test_bodies_are_the_rows_that_were_checked(place, counted, monkeypatch):
    sent = []
    monkeypatch.setattr(
        "benchmarks.visit.send_closed", lambda requests, **_: sent.append(requests) or Counted(1, 1, 0, 1, 1)
    )
    visitor(place).measure_peak(place, 0)

    assert [body.read_bytes() for body in sent[0].bodies] == [b'{"data":[[0.0,0.001]]}', b'{"data":[[0.002,0.003]]}']


def test_server_runs_on_its_core_and_ends(place):
    with running(place.launch, core=CORE, log=place.site.folder / "log") as server:
        assert os.sched_getaffinity(server.pid) == {CORE}
        before = server.cpu_seconds()
        for _ in range(200):
            httpx.get(f"{place.site.url}/ready", trust_env=False)
        assert server.cpu_seconds() > before
    assert not psutil.pid_exists(server.pid)


def test_pin_is_undone():
    before = os.sched_getaffinity(0)
    with pin(CORE):
        assert os.sched_getaffinity(0) == {CORE}
    assert os.sched_getaffinity(0) == before


def test_server_that_exits_gives_the_end_of_its_log(tmp_path):
    with pytest.raises(PeerFailed, match=r"exited with 3\nend of its log .*\n  no model"):
        command = [sys.executable, "-c", "print('no model'); raise SystemExit(3)"]
        with running(Launch(command, "http://127.0.0.1:1/"), core=CORE, log=tmp_path / "log"):
            pass


def test_wrk_measures_a_real_server(place, need):
    need("wrk")
    closed, _start = visitor(place).measure_peak(place, 0)

    assert isinstance(closed, Closed)
    assert closed.per_second > 1 and closed.errors == 0 and closed.cpu_ms > 0
