"""The script for wrk, and what it prints."""

import pytest

from benchmarks.errors import BenchmarkFailed
from benchmarks.load.sending import Requests
from benchmarks.load.wrk import parse_wrk, write_script

OUTPUT = """Running 2s test @ http://127.0.0.1:8000/predict
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.50ms    2.10ms  30.00ms   95.00%
  2010 requests in 2.01s, 300.00KB read
  Non-2xx or 3xx responses: 10
Requests/sec:   1000.00
RESULT {"requests": 2010, "microseconds": 2000000, "status": 10, "no_answer": 3, "p50_us": 1500, "p99_us": 8500}
"""


def test_failed_requests_are_not_throughput():
    counted = parse_wrk(OUTPUT)

    assert (counted.requests, counted.errors) == (2000, 13)
    assert counted.per_second == 1000.0
    assert (counted.p50_ms, counted.p99_ms) == (1.5, 8.5)


def test_no_answer_gives_no_percentile():
    line = 'RESULT {"requests": 0, "microseconds": 9, "status": 0, "no_answer": 4, "p50_us": 0, "p99_us": 0}'
    counted = parse_wrk(line)

    assert (counted.per_second, counted.errors, counted.p50_ms, counted.p99_ms) == (0, 4, None, None)


@pytest.mark.parametrize(
    "output",
    [
        "unable to connect to 127.0.0.1:1 Connection refused",
        'RESULT {"requests": 0, "microseconds": 0, "status": 0, "no_answer": 0, "p50_us": 0, "p99_us": 0}',
    ],
)
def test_no_result_is_an_error(output):
    with pytest.raises(BenchmarkFailed):
        parse_wrk(output)


def test_script_quotes_headers_and_bodies(tmp_path):
    headers = {"Authorization": 'Bearer "x"\\'}
    bodies = [tmp_path / "a.body", tmp_path / "b.body"]
    script = write_script(Requests("http://127.0.0.1:1/", headers, bodies, connections=1, folder=tmp_path))

    assert r'wrk.headers["Authorization"] = "Bearer \"x\"\\"' in script
    assert f'{{"{bodies[0]}", "{bodies[1]}"}}' in script
