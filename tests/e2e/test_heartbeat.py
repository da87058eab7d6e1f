"""The dead man's switch: when Prometheus stops, the heartbeat stops."""

import time

import pytest

from tests.e2e.monitoring import start_prometheus, stop_prometheus, wait_until

EVERY_SECONDS = 60
SILENT_SECONDS = 2.5 * EVERY_SECONDS
"""The service that notifies people when heartbeats stop waits as long: two are missing."""


@pytest.mark.slow
def test_heartbeat_stops_and_returns_with_prometheus(monitoring, note):
    wait_until(lambda: None if silent(monitoring.heartbeats()) else True, 300, lambda: "no heartbeat at first")
    began = time.time()
    try:
        stop_prometheus(monitoring.kube)
        wait_until(
            lambda: silent(monitoring.heartbeats()) or None, 420, lambda: "heartbeats continue without Prometheus"
        )
        note(f"heartbeat: two missed {time.time() - began:.0f} s after Prometheus was stopped")
    finally:
        began = time.time()
        start_prometheus(monitoring.kube)

    def returned():
        newest = monitoring.heartbeats()[-1]
        return newest if newest > began else None

    back = wait_until(returned, 240, lambda: "no heartbeat again")
    note(f"heartbeat: returned {back - began:.0f} s after Prometheus was started")


def silent(beats):
    return not beats or time.time() - beats[-1] > SILENT_SECONDS
