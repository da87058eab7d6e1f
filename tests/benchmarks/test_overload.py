"""A short run against the real API with the real load programs, in the environment of the tests."""

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import overload, overload_page
from benchmarks.alone import alone
from benchmarks.environments import Environment
from benchmarks.errors import BenchmarkFailed
from benchmarks.overload_page import MARKERS


@pytest.fixture
def run():
    import typer

    app = typer.Typer()
    app.command()(overload.main)
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.fixture
def here(monkeypatch, tmp_path):
    """No environment is installed, no file of the checkout is written, and any machine has enough cores."""
    versions = {"python": "3", "xgboost-cpu": version("xgboost-cpu")}
    cores = sorted(os.sched_getaffinity(0))
    monkeypatch.setattr(overload, "make_environment", lambda *_, **__: Environment(Path(sys.executable), versions))
    monkeypatch.setattr(overload, "CACHE", tmp_path)
    monkeypatch.setattr(overload, "alone", lambda: alone(tmp_path))  # not the machine's lock, which other tests take
    monkeypatch.setattr(overload, "SERVER_CORE", cores[0])
    monkeypatch.setattr(overload, "LOAD_CORE", cores[-1])
    monkeypatch.setattr(overload_page, "PAGE", tmp_path / "benchmarks.md")
    monkeypatch.setattr(overload_page, "PICTURE", tmp_path / "overload.png")
    (tmp_path / "benchmarks.md").write_text(f"{MARKERS.begin}{MARKERS.end}")
    return tmp_path


@pytest.mark.slow
def test_rates_are_measured_and_written(need, here, run):
    need("wrk"), need("vegeta")
    output = here / "results.json"

    done = run("--scenarios", "100", "--seconds", "1", "--output", str(output), "--write-docs")

    assert done.exit_code == 0, done.output
    (curve,) = json.loads(output.read_text())["curves"]
    assert [step["multiple"] for step in curve["steps"]] == [0.5, 1.0, 2.0, 5.0, 0.5, 0.5]
    assert curve["peak"] > 0
    assert all(step["goodput"] > 0 for step in curve["steps"])
    assert all(set(step["beside"]) == {"probe", "login", "metrics"} for step in curve["steps"])
    for kind in ("probe", "login", "metrics"):
        seen = [step["beside"][kind] for step in curve["steps"]]
        assert sum(one["failed"] for one in seen) < sum(one["sent"] for one in seen)
    assert "5 times the peak" in (here / "benchmarks.md").read_text()
    assert (here / "overload.png").exists()


def test_unknown_scenario_is_refused(here, run):
    done = run("--scenarios", "1,7")

    assert done.exit_code == 2
    assert "there is no scenario 7" in done.output


def test_failure_is_one_line(here, run, monkeypatch):
    def fail(*_):
        raise BenchmarkFailed("wrk did not end")

    monkeypatch.setattr(overload, "measure", fail)

    done = run("--scenarios", "1")

    assert (done.exit_code, done.exception.__class__) == (BenchmarkFailed.exit_code, SystemExit)
    assert "Traceback" not in done.output
