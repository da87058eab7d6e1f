"""The model of the benchmark, and the results of a small run."""

from dataclasses import asdict

import pytest

from benchmarks.plan import SCENARIOS, Plan
from benchmarks.results import Report
from benchmarks.samples import Call, Closed, Open, Results, Start, Unmeasured
from benchmarks.workload import make_workload

PLAN = Plan(
    servers=("espalier", "starlette", "kserve"),
    scenarios=(SCENARIOS["1"], SCENARIOS["100"]),
    rounds=3,
    seconds=4,
    warm_up_seconds=1,
    open_seconds=5,
    open_rounds=1,
)


def closed(server, number, scenario, per_second, **changes):
    values = {"errors": 0, "p50_ms": 1.0, "p99_ms": 2.0, "cpu_ms": 0.5, "pss_mib": 100.0, "load_cpu_share": 0.3}
    return Closed(server, number, scenario, per_second, **(values | changes))


@pytest.fixture(scope="session")
def workload(tmp_path_factory):
    return make_workload(tmp_path_factory.mktemp("workload"))


@pytest.fixture
def make_closed():
    return closed


@pytest.fixture
def results():
    """Three rounds: the second was slow for both servers, and the third for Espalier alone."""
    rates = {"espalier": (500.0, 50.0, 100.0), "starlette": (1000.0, 100.0, 1000.0)}
    measured = [closed(server, number, "1", rate) for server, all_ in rates.items() for number, rate in enumerate(all_)]
    measured += [closed("espalier", 0, "100", 123.4), closed("starlette", 0, "100", 1234.5, errors=7)]
    return Results(
        starts=(Start("espalier", 0, 4.0, 150.0), Start("espalier", 1, 2.0, 250.0), Start("espalier", 2, 3.0, 200.0)),
        closed=tuple(measured),
        open=(
            Open("espalier", 0, "1", 0.5, 250.0, 249.9, 0, 1.5, 9.25, 0.1),
            Open("starlette", 0, "1", 0.5, 500.0, 499.0, 3, 0.5, None, 0.1),
        ),
        calls=(Call(0, 1, 4000.0), Call(1, 1, 4400.0), Call(2, 1, 4359.0)),
        unmeasured=(Unmeasured("kserve", "", "the server exited with 1\nend of its log x:\n  a line"),),
    )


@pytest.fixture
def report(results):
    return Report(
        started="2026-11-27T01:02:03+00:00",
        commit="abcdef0",
        machine={"processor": "a processor", "cores": "2", "memory": "24 GiB", "system": "Linux 6.1, x86_64"},
        plan=asdict(PLAN),
        versions={
            "espalier": {"python": "3.13.0", "xgboost-cpu": "3.4.1"},
            "starlette": {"python": "3.13.0", "xgboost-cpu": "3.4.1", "starlette": "1.10.0"},
        },
        tools={"wrk": "4.1.0", "vegeta": "12.13.0"},
        results=results,
    )
