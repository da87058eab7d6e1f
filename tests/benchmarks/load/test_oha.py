"""What is read from oha's JSON, and what is given to it."""

import json
from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkFailed
from benchmarks.load import oha
from benchmarks.load.requests import Requests

RESULT = {
    "summary": {"total": 2.0, "requestsPerSec": 55.0},
    "latencyPercentiles": {"p50": 0.0015, "p99": 0.0085},
    "statusCodeDistribution": {"200": 100, "503": 7},
    "errorDistribution": {"aborted due to deadline": 3, "connection refused": 2},
}


def test_only_2xx_count_and_the_end_of_the_run_is_no_error():
    counted = oha.parse_oha(json.dumps(RESULT))

    assert (counted.requests, counted.errors, counted.per_second) == (100, 9, 50.0)
    assert (counted.p50_ms, counted.p99_ms) == (1.5, 8.5)


def test_no_answer_gives_no_percentile():
    nothing = {**RESULT, "statusCodeDistribution": {}, "latencyPercentiles": {"p50": None, "p99": None}}
    counted = oha.parse_oha(json.dumps(nothing))

    assert (counted.requests, counted.p50_ms, counted.p99_ms) == (0, None, None)


@pytest.mark.parametrize("output", ["", "[]", "{}", "Error: connection refused"])
def test_no_result_is_an_error(output):
    with pytest.raises(BenchmarkFailed):
        oha.parse_oha(output)


@pytest.fixture
def commands(monkeypatch):
    """The commands that would have been run."""
    given = []

    def run(command, *, core, seconds):
        given.append(command)
        return json.dumps(RESULT), 0.5

    monkeypatch.setattr(oha, "run_pinned", run)
    monkeypatch.setattr(oha, "find_oha", lambda: "oha")
    return given


def requests(tmp_path, kind):
    for name in ("a", "b"):
        (tmp_path / f"{name}.body").write_bytes(name.encode())
    bodies = [tmp_path / "a.body", tmp_path / "b.body"]
    return Requests("http://127.0.0.1:1/", {"Content-Type": kind}, bodies, connections=1, folder=tmp_path)


def test_latency_counts_from_the_due_time(commands, tmp_path):
    counted = oha.send_open(requests(tmp_path, "application/json"), rate=12.5, seconds=5, core=1)

    assert counted.load_cpu_share == 0.25
    assert "--latency-correction" in commands[0]
    assert commands[0][commands[0].index("-q") + 1] == "12.500"


def test_every_json_body_is_sent(commands, tmp_path):
    oha.send_open(requests(tmp_path, "application/json"), rate=1, seconds=5, core=1)

    file = commands[0][commands[0].index("-Z") + 1]
    assert Path(file).read_text() == "a\nb\n"


def test_binary_body_is_sent_as_it_is(commands, tmp_path):
    oha.send_open(requests(tmp_path, "application/vnd.apache.arrow.stream"), rate=1, seconds=5, core=1)

    assert commands[0][commands[0].index("-D") + 1] == str(tmp_path / "a.body")
