"""The life of a release: upgrade, rollback, uninstall. Comes last: it ends with nothing left."""

import json
import subprocess
import tarfile

import pytest

from espalier.cluster.errors import CommandRefused
from espalier.cluster.tools import run
from espalier.cluster.waiting import wait_until
from tests.e2e.platform import RELEASE, ROOT
from tests.e2e.pods import COLLECTOR, WEBHOOK

STAYS = {"Secret", "PersistentVolumeClaim", "ConfigMap", "Job"}
"""What people made, and volumes: docs/install-on-a-cluster.md tells how to remove them."""

NOT_OURS = ("kube-root-ca.crt", "default", WEBHOOK, COLLECTOR)
"""Of every namespace, and of these tests."""

PASSING = {
    "events",
    "events.events.k8s.io",
    "endpointslices.discovery.k8s.io",
    "pods.metrics.k8s.io",
    "leases.coordination.k8s.io",
}
"""Kinds that the cluster writes and forgets by itself."""


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


def test_other_size_of_a_volume_is_refused_with_what_to_do(platform, upgrade):
    with pytest.raises(CommandRefused, match=r"postgresql\.persistence\.size is 77Gi(.|\n)*A larger volume"):
        upgrade("postgresql.persistence.size=77Gi")


def test_uninstall_leaves_what_is_documented(platform):
    platform.kube.helm("uninstall", RELEASE, "--wait")

    # What operators made for the release, and the Endpoints of its Services, go after it: by the garbage collector.
    wait_until("what is not documented to stay", lambda: surplus(remaining(platform.kube)), seconds=180)

    left = remaining(platform.kube)
    volumes = {name for kind, name in left if kind == "PersistentVolumeClaim"}
    assert {name for name in volumes if not name.startswith(f"prometheus-{RELEASE}-")} == {
        f"data-{RELEASE}-{name}-0" for name in ("postgresql", "object-store")
    }
    assert not [name for _kind, name in left if name.startswith("sh.helm")]
    policies = platform.kube.kubectl("get", "validatingadmissionpolicy,validatingadmissionpolicybinding", "-o", "name")
    assert platform.kube.namespace not in policies


def surplus(left):
    """Those of them that docs/install-on-a-cluster.md does not name, as text."""
    return ", ".join(f"{kind} {name}" for kind, name in left if kind not in STAYS)


def remaining(kube):
    """Kind and name of all in the namespace that neither Kubernetes, nor another object, nor these tests put there."""
    kinds = kube.kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name").split()
    found = kube.get(",".join(kind for kind in kinds if kind not in PASSING))["items"]
    return [
        (one["kind"], one["metadata"]["name"])
        for one in found
        if one["metadata"]["name"] not in NOT_OURS and not one["metadata"].get("ownerReferences")
    ]
