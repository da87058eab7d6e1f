"""Versions, pods and values change under load, and no request fails."""

import time

import pytest

from tests.e2e.platform import API

RATE = 15
"""Requests a second. The tests show that none is lost, not how many the API can serve: a small machine holds the
cluster, a training run and the load generator at once, and an overloaded one would fail requests for that alone.
"""


@pytest.fixture
def replaced_champion(platform, first_champion):
    """A champion that has replaced another, so that a rollback has a version to return to."""
    if "previous" not in platform.registry().aliases:
        platform.train("better", rounds=40)
        platform.wait_until_settled()


def test_promotion_fails_no_request(platform, first_champion, note):
    before = platform.registry().aliases["champion"]
    with platform.under_load(RATE) as load:
        platform.train("better", rounds=40)
        platform.wait_until_settled()
    after = platform.registry()
    report = load.report()
    note(f"promotion of version {after.aliases['champion']}: {report}")

    assert after.aliases == {"champion": after.newest, "previous": before}
    assert report.versions() == [before, after.newest]
    assert report.failures == []


def test_killed_pods_fail_no_request(platform, note):
    with platform.under_load(RATE) as load:
        for _ in range(3):
            victim = platform.api_pods()[0]
            platform.kube.kubectl("delete", "pod", victim, "--wait=false")
            time.sleep(2)
            platform.wait_until_settled()
    report = load.report()
    note(f"3 pods deleted: {report}")

    assert report.failures == []


def test_drained_node_fails_no_request(platform, note):
    nodes = {node["metadata"]["name"] for node in platform.kube.get("nodes")["items"] if is_open(node)}
    if len(nodes) == 1:
        pytest.skip("NOT TESTED: a drain needs a second node (NODES=3 make e2e)")
    victim = platform.kube.get("pod", platform.api_pods()[0])["spec"]["nodeName"]
    kubectl = platform.kube.kubectl
    with platform.under_load(RATE) as load:
        try:
            kubectl(
                "drain",
                victim,
                "--ignore-daemonsets",
                "--delete-emptydir-data",
                "--pod-selector",
                API,
                "--timeout=300s",
            )
            platform.wait_until_settled()
        finally:
            kubectl("uncordon", victim)
    report = load.report()
    where = {platform.kube.get("pod", pod)["spec"]["nodeName"] for pod in platform.api_pods()}
    note(f"a node of {len(nodes)} drained of the API: {report}")

    assert where <= nodes - {victim}
    assert report.failures == []


def is_open(node):
    return not [taint for taint in node["spec"].get("taints", []) if taint["effect"] == "NoSchedule"]


def test_rollback_fails_no_request(platform, replaced_champion, note):
    before = platform.registry().aliases
    started = time.monotonic()
    with platform.under_load(RATE) as load:
        platform.roll_back()
        seconds = time.monotonic() - started
        platform.wait_until_settled()
    report = load.report()
    note(f"rollback in {seconds:.0f} s: {report}")

    assert platform.registry().aliases == {"champion": before["previous"], "previous": before["champion"]}
    assert report.versions() == [before["champion"], before["previous"]]
    assert platform.annotation() == before["previous"]
    assert report.failures == []


def test_helm_upgrade_keeps_the_promoted_version(platform, upgrade, note):
    """Helm does not own the annotation, with server-side apply or with patches."""
    version = platform.annotation()
    revision = platform.deployment()["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
    with platform.under_load(RATE) as load:
        upgrade("api.server.logLevel=WARNING")
        platform.wait_until_settled()
    report = load.report()
    note(f"helm upgrade: {report}")

    assert platform.deployment()["metadata"]["annotations"]["deployment.kubernetes.io/revision"] != revision
    assert platform.annotation() == version
    assert platform.version() == version
    assert report.versions() == [version]
    assert report.failures == []
    assert platform.deployment()["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
