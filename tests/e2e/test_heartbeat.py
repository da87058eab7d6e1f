"""The dead man's switch: that nobody watches any more is noticed, since the heartbeat stops."""

import json
import time

import pytest

from tests.e2e.monitoring import wait_until

EVERY_SECONDS = 60
SILENT_SECONDS = 2.5 * EVERY_SECONDS
"""What is awaited by whoever calls people when it stops: two beats are missing."""


@pytest.mark.slow
def test_heartbeat_stops_with_prometheus_and_comes_back_with_it(monitoring, note):
    began = time.time()
    scale(monitoring.kube, 0)
    wait_until(lambda: silent(monitoring.heartbeats()), 420, lambda: "the heartbeat goes on without Prometheus")
    note(f"heartbeat: two missed {time.time() - began:.0f} s after Prometheus was stopped")

    began = time.time()
    scale(monitoring.kube, 1)
    back = wait_until(
        lambda: found if (found := monitoring.heartbeats()[-1]) > began else None, 240, lambda: "no heartbeat again"
    )
    note(f"heartbeat: heard again {back - began:.0f} s after Prometheus was given back")


def scale(kube, replicas):
    """Tell the operator how many pods of Prometheus there have to be."""
    name = kube.kubectl("get", "prometheus", "-o", "name").strip()
    kube.kubectl("patch", name, "--type=merge", "-p", json.dumps({"spec": {"replicas": replicas}}))


def silent(beats):
    return True if time.time() - beats[-1] > SILENT_SECONDS else None
