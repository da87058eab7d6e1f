"""The life of a release: from the commit before, back, and away. Comes last: it ends with nothing left."""

import json
import subprocess
import tarfile

import pytest

from espalier.cluster.tools import run
from tests.e2e.monitoring import WEBHOOK
from tests.e2e.platform import RELEASE, ROOT

STAYS = {"Secret", "PersistentVolumeClaim", "ConfigMap", "Job"}
"""What people made, and volumes: docs/install.md tells how to remove them."""

NOT_OURS = ("kube-root-ca.crt", "default", WEBHOOK)
"""Of every namespace, and of these tests."""


@pytest.fixture(scope="module")
def previous_chart(tmp_path_factory):
    """The chart as it was one commit ago."""
    folder = tmp_path_factory.mktemp("previous")
    commit = subprocess.run(
        ["git", "rev-list", "-1", "HEAD^", "--", "charts/espalier"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    if not commit:
        pytest.skip("NOT TESTED: this checkout has no history to upgrade from")
    run("git", "archive", "--output", str(folder / "chart.tar"), commit)  # all of it: the chart has links out of itself
    with tarfile.open(folder / "chart.tar") as archive:
        archive.extractall(folder, filter="data")
    return folder / "charts/espalier"


def test_upgrade_from_the_previous_commit_s_chart_and_helm_rollback(platform, upgrade, previous_chart):
    version = platform.annotation()
    upgrade(chart=previous_chart)
    platform.wait_until_settled()
    revision = platform.kube.helm("history", RELEASE, "--max", "1", "-o", "json")
    upgrade()
    platform.wait_until_settled()
    assert platform.annotation() == version
    assert platform.version() == version

    platform.kube.helm("rollback", RELEASE, str(json.loads(revision)[-1]["revision"]))
    platform.wait_until_settled()
    assert platform.annotation() == version
    assert platform.version() == version


def test_uninstall_leaves_what_is_documented(platform):
    platform.kube.helm("uninstall", RELEASE, "--wait")
    kinds = platform.kube.kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name").split()
    skipped = (
        "events",
        "events.events.k8s.io",
        "endpointslices.discovery.k8s.io",
        "pods.metrics.k8s.io",
        "leases.coordination.k8s.io",
    )
    left = platform.kube.get(",".join(kind for kind in kinds if kind not in skipped))["items"]
    mine = [
        (one["kind"], one["metadata"]["name"])
        for one in left
        if one["metadata"]["name"] not in NOT_OURS and not one["metadata"].get("ownerReferences")
    ]

    assert {kind for kind, _name in mine} <= STAYS, mine
    volumes = {name for kind, name in mine if kind == "PersistentVolumeClaim"}
    assert {name for name in volumes if not name.startswith(f"prometheus-{RELEASE}-")} == {
        f"data-{RELEASE}-{name}-0" for name in ("postgresql", "object-store")
    }
    assert not [name for _kind, name in mine if name.startswith("sh.helm")]
    policies = platform.kube.kubectl("get", "validatingadmissionpolicy,validatingadmissionpolicybinding", "-o", "name")
    assert platform.kube.namespace not in policies
