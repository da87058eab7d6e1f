"""Load adds pods, the end of the load removes them, and no request fails meanwhile."""

import time

from tests.e2e.platform import RELEASE


def replicas(platform):
    return platform.deployment()["spec"]["replicas"]


def wait_for(platform, reached, seconds):
    """Wait for a number of pods, and return how long it took; None if it is not reached in time."""
    started = time.monotonic()
    while not reached(replicas(platform)):
        if time.monotonic() - started > seconds:
            return None
        time.sleep(2)
    return time.monotonic() - started


def test_scaling_out_and_in_fails_no_request(platform, note):
    bounds = platform.kube.get("hpa", f"{RELEASE}-api")["spec"]
    capacity = platform.capacity(10)
    assert wait_for(platform, lambda pods: pods == bounds["minReplicas"], 300) is not None
    reports = []
    for share in (1 / 3, 1 / 2, 2 / 3):  # the machine also runs the load, and may have been busy when it was measured
        with platform.under_load(capacity * share) as load:
            out = wait_for(platform, lambda pods: pods > bounds["minReplicas"], 120)
            platform.wait_until_settled()
        reports.append(load.report())
        if out is not None:
            break
    assert out is not None, f"still {replicas(platform)} pods"
    back = wait_for(platform, lambda pods: pods == bounds["minReplicas"], 400)
    assert back is not None, f"still {replicas(platform)} pods"
    platform.wait_until_settled()
    note(f"out after {out:.0f} s at {share:.0%} of the capacity, in again {back:.0f} s after the load: {reports[-1]}")

    assert [failure for report in reports for failure in report.failures] == []
