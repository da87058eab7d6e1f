"""Several workers, one of which is killed: counters stay exact, and no process is left."""

import os
import signal
import socket
import ssl
import time

from services.api.http.access_log import SECONDS
from tests.services.api.server_process.running import (
    PREDICT,
    alive_and_busy,
    end,
    scrape,
    summed,
    wait_until,
    wait_until_ready,
    workers_of,
)


def test_counters_survive_the_death_of_a_worker(start, secure, environment, contract, gone, headers):
    process = start()
    wait_until_ready(secure, process)
    asked = {**headers(), "X-Request-ID": "from-the-client"}

    def predict(number):
        for _ in range(number):
            answer = secure.post("/v1/predict", json={"rows": [contract.example] * 3}, headers=asked)
            assert (answer.status_code, answer.headers["x-request-id"]) == (200, "from-the-client")

    def counted():
        series = scrape(environment)
        rows, scores = (summed(series, f"espalier_{name}_total") for name in ("predictions", "score_bin"))
        return rows, scores, series[f'http_requests_total{PREDICT},status="2xx"}}']

    predict(20)
    assert counted() == (60, 60, 20)

    time.sleep(3 * SECONDS)  # the lines of the last batch die with a worker, its counts do not
    victim = workers_of(process)[0]
    os.kill(victim, signal.SIGKILL)
    assert gone(victim)
    wait_until_ready(secure, process)
    predict(10)
    assert counted() == (90, 90, 30)

    children = workers_of(process)
    printed = end(process)
    assert process.returncode == 0
    assert all(gone(pid) for pid in children)
    assert printed.count('"request_id":"from-the-client"') == 30
    assert asked["Authorization"].split()[1] not in printed
    assert "grafted quince" not in printed


def test_live_gauges_count_only_running_workers(start, secure, environment, gone, headers, tmp_path):
    process = start()
    wait_until_ready(secure, process)
    asked = headers()
    wait_until(lambda: alive_and_busy(environment) == (2, 0))
    victim, other = workers_of(process)
    head = "".join(f"{name}: {value}\r\n" for name, value in {**asked, "Host": "localhost"}.items())
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))

    os.kill(other, signal.SIGSTOP)  # so that the victim takes the connection
    with (
        socket.create_connection(("localhost", int(environment["API_PORT"]))) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        kind = "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n"
        connection.sendall(f"POST /v1/predict HTTP/1.1\r\n{head}{kind}".encode())
        wait_until(lambda: alive_and_busy(environment) == (2, 1))
        os.kill(victim, signal.SIGKILL)
        assert gone(victim)
    os.kill(other, signal.SIGCONT)

    wait_until(lambda: alive_and_busy(environment) == (2, 0) and victim not in workers_of(process))


def test_request_series_are_complete_from_the_start(start, secure, environment, gone):
    process = start()
    wait_until_ready(secure, process)

    def requests():
        return {one: value for one, value in scrape(environment).items() if one.startswith("http_request")}

    first = requests()
    assert set(first.values()) == {0}
    assert first[f'http_requests_total{PREDICT},status="5xx"}}'] == 0
    assert first['http_request_duration_seconds_bucket{handler="/v1/predict",le="0.1",method="POST"}'] == 0

    for _ in range(20):
        secure.post("/v1/predict", headers={"Connection": "close"})
    wait_until(lambda: requests()[f'http_requests_total{PREDICT},status="4xx"}}'] == 20)  # counted after it is answered
    os.kill(victim := workers_of(process)[0], signal.SIGKILL)
    assert gone(victim)
    wait_until_ready(secure, process)
    for _ in range(5):
        secure.get("/nowhere", headers={"Connection": "close"})

    last = requests()
    assert set(last) == set(first)
    assert last[f'http_requests_total{PREDICT},status="4xx"}}'] == 20
    assert last[f"http_request_duration_seconds_count{PREDICT}}}"] == 20
    assert last['http_requests_total{handler="none",method="GET",status="4xx"}'] == 5
    assert summed(last, "http_requests_total") == 25


def test_requests_on_kept_connections_are_counted_and_logged(start, secure, environment, contract, headers):
    """They take the fast path, once a worker has verified their token."""
    process = start()
    wait_until_ready(secure, process)
    asked = {name: value for name, value in headers().items() if name != "Connection"}

    for number in range(30):
        answer = secure.post("/v1/predict", json={"rows": [contract.example] * 2}, headers=asked)
        assert (answer.status_code, len(answer.json()["predictions"])) == (200, 2), number
    bad = secure.post("/v1/predict", json={"rows": [{}]}, headers=asked)
    assert (bad.status_code, bad.headers["content-type"]) == (422, "application/problem+json")

    series = scrape(environment)
    statuses = [series[f'http_requests_total{PREDICT},status="{status}"}}'] for status in ("2xx", "4xx", "5xx")]
    assert statuses == [30, 1, 0]
    assert summed(series, "espalier_predictions_total") == summed(series, "espalier_score_bin_total") == 60
    assert series["espalier_predict_seconds_count"] == 30
    assert end(process).count('"route":"/v1/predict"') == 31
