"""Inspect a running API: its workers and its counters."""

import signal
import time

import httpx
import pytest

PREDICT = '{handler="/v1/predict",method="POST"'
"""Labels at the start of a series of predictions."""


def wait_until_ready(client, process):
    def is_ready():
        if process.poll() is not None:
            pytest.fail(f"the API exited with {process.returncode}: {process.stdout and process.stdout.read()}")
        try:
            return client.get("/readyz").is_success
        except httpx.TransportError:
            return False

    wait_until(is_ready, seconds=60)


def workers_of(process):
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
        return [int(pid) for pid in file.read().split()]


def scrape(environment):
    """Return series → value of a running API."""
    lines = httpx.get(f"http://127.0.0.1:{environment['API_METRICS_PORT']}/metrics").text.splitlines()
    return {series: float(value) for series, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def summed(series, name):
    return sum(value for one, value in series.items() if one.partition("{")[0] == name)


def alive_and_busy(environment):
    series = scrape(environment)
    return series["espalier_workers"], series["espalier_requests_in_progress"]


def wait_until(holds, *, seconds=10):
    for _ in range(10 * seconds):
        if holds():
            return
        time.sleep(0.1)
    pytest.fail("the condition never became true")


def end(process, *, timeout=20):
    """Send SIGTERM, and return the output. A process that does not stop fails the test."""
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=timeout)
    return printed
