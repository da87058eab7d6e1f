"""What is read from vegeta's report, and what is given to it."""

import base64
import json
import math
import os
import time
from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkFailed
from benchmarks.load import vegeta
from benchmarks.load.sending import Requests

RESULT = {
    "latencies": {"50th": 1_500_000, "99th": 8_500_000},
    "duration": 1_900_000_000,
    "wait": 100_000_000,
    "requests": 109,
    "status_codes": {"0": 2, "200": 100, "503": 7},
    "errors": ["503 Service Unavailable"],
}


def test_only_2xx_count_and_the_wait_for_the_last_answer_is_time():
    counted = vegeta.parse_vegeta(json.dumps(RESULT))

    assert (counted.requests, counted.errors, counted.seconds, counted.per_second) == (100, 9, 2.0, 50.0)
    assert (counted.p50_ms, counted.p99_ms) == (1.5, 8.5)


def test_no_answer_gives_no_percentile():
    counted = vegeta.parse_vegeta(json.dumps({**RESULT, "status_codes": {"0": 109}}))

    assert (counted.requests, counted.errors, counted.p50_ms, counted.p99_ms) == (0, 109, None, None)


@pytest.mark.parametrize("output", ["", "[]", "{}", "null", "Error: no such file"])
def test_no_result_is_an_error(output):
    with pytest.raises(BenchmarkFailed, match="vegeta printed no result"):
        vegeta.parse_vegeta(output)


@pytest.fixture
def commands(monkeypatch):
    """The commands that would have been run."""
    given = []

    def run(command, **_options):
        given.append(command)
        return json.dumps(RESULT), 0.5

    monkeypatch.setattr(vegeta, "run_pinned", run)
    monkeypatch.setattr(vegeta, "find_vegeta", lambda: "vegeta")
    return given


@pytest.fixture
def requests(tmp_path):
    bodies = [tmp_path / "a.body", tmp_path / "b.body"]
    bodies[0].write_bytes(b'{"a": 1}')
    bodies[1].write_bytes(bytes(range(256)))
    return Requests("http://127.0.0.1:1/x", {"Authorization": "Bearer y"}, bodies, connections=1, folder=tmp_path)


def test_rate_keeps_two_decimals(commands, requests):
    counted = vegeta.send_open(requests, rate=12.345, seconds=5, core=1)

    assert "-rate=1234/100s" in commands[0]
    assert "-duration=5s" in commands[0]
    assert counted.load_cpu_share == 0.25


def test_rate_without_a_limit_is_sent_by_few_connections(commands, requests):
    vegeta.send_open(requests, rate=math.inf, seconds=5, core=1, most_connections=16)

    assert {"-rate=0", "-max-workers=16"} <= set(commands[0])


@pytest.mark.parametrize(("most", "limits"), [(0, 0), (7, 3)])
def test_connections_are_limited_if_asked(commands, requests, most, limits):
    vegeta.send_open(requests, rate=1, seconds=5, core=1, most_connections=most)

    options = {f"-max-workers={most}", f"-connections={most}", f"-max-connections={most}"}
    assert len(options.intersection(commands[0])) == limits


def test_every_body_is_a_target_with_the_headers(commands, requests):
    vegeta.send_open(requests, rate=1, seconds=5, core=1)

    (option,) = [part for part in commands[0] if part.startswith("-targets=")]
    lines = Path(option.partition("=")[2]).read_text().splitlines()
    targets = [json.loads(line) for line in lines]
    assert [base64.b64decode(target["body"]) for target in targets] == [b'{"a": 1}', bytes(range(256))]
    assert targets[0]["header"] == {"Authorization": ["Bearer y"]}
    assert targets[0]["url"] == "http://127.0.0.1:1/x"


def test_stall_is_charged_to_the_requests_that_were_due_meanwhile(requests, answering, need):
    """The server answers nothing for the first second of three: a third of the requests wait, most for long."""
    need("vegeta")
    began = time.monotonic()

    def answer(_path):
        time.sleep(max(0, began + 1.5 - time.monotonic()))
        return 200, b"{}"

    to_it = Requests(answering(answer), {}, requests.bodies[:1], connections=1, folder=requests.folder)
    counted = vegeta.send_open(to_it, rate=50, seconds=3, core=min(os.sched_getaffinity(0)))

    assert counted.errors == 0
    assert counted.requests == 150
    assert counted.p99_ms > 500
