import json

import pytest
import typer
from typer.testing import CliRunner

from benchmarks.errors import BenchmarkFailed
from benchmarks.scale import __main__ as scale
from benchmarks.scale.__main__ import STAGES, main


def run(*arguments):
    app = typer.Typer()
    app.command()(main)
    return CliRunner().invoke(app, arguments)


@pytest.mark.slow
def test_pipeline_and_training_alone_are_measured(mlflow, monkeypatch):
    monkeypatch.setenv("PIPELINE_MLFLOW_TRACKING_URI", mlflow.uri)  # a start takes ten seconds
    done = run("--rows", "2000", "--rounds", "20", "--threads", "1", "--dask-workers", "2", "--json")

    assert done.exit_code == 0, done.output
    (result,) = json.loads(done.stdout)["results"]
    assert result["rows"] == 2000 and result["rounds"] == 20 and result["bare"]["rows"] == 1600
    assert set(result["stages"]) == set(result["mib"]) == set(STAGES)
    assert all(value > 0 for value in (*result["stages"].values(), *result["mib"].values(), result["bare_mib"]))
    assert result["seconds"] > max(result["stages"].values())
    assert "training alone" in done.stderr
    assert set(result["dask"]) == {"2"}
    assert all(value > 0 for found in result["dask"].values() for value in found.values())
    assert "engine dask, 2 worker(s)" in " ".join(done.stderr.split())


def test_failure_is_one_line(monkeypatch):
    def fail(*_):
        raise BenchmarkFailed("espalier exited with 4: no target")

    monkeypatch.setattr(scale, "measure", fail)

    done = run("--rows", "10")

    assert done.exit_code == 1
    assert done.stderr == "benchmark: espalier exited with 4: no target\n"
