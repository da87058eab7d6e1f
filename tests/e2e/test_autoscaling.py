"""Load adds pods, the end of the load removes them, and no request fails meanwhile."""

import time

from tests.e2e.platform import RELEASE


def replicas(platform):
    return platform.deployment()["spec"]["replicas"]


def wait_for(platform, reached, seconds):
    """Wait for a number of pods, and return how long it took."""
    started = time.monotonic()
    while not reached(replicas(platform)):
        assert time.monotonic() - started < seconds, f"timed out with {replicas(platform)} pods"
        time.sleep(2)
    return time.monotonic() - started


def test_scaling_out_and_in_fails_no_request(platform, note):
    bounds = platform.kube.get("hpa", f"{RELEASE}-api")["spec"]
    rate = platform.capacity(10) / 3
    wait_for(platform, lambda pods: pods == bounds["minReplicas"], 300)
    with platform.under_load(rate) as load:
        out = wait_for(platform, lambda pods: pods > bounds["minReplicas"], 240)
        platform.wait_until_settled()
    report = load.report()
    back = wait_for(platform, lambda pods: pods == bounds["minReplicas"], 400)
    platform.wait_until_settled()
    note(f"out after {out:.0f} s, in again {back:.0f} s after the load: {report}")

    assert report.failures == []
