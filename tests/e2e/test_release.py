"""Upgrade, rollback and uninstall of a release. The fixture ``platform`` installs it again for the next module."""

import json
import os
import subprocess
import tarfile

import pytest

from espalier.cluster.errors import CommandRefused
from espalier.cluster.tools import run
from espalier.cluster.waiting import wait_until
from tests.e2e.platform import RELEASE, ROOT
from tests.e2e.pods import COLLECTOR, WEBHOOK

STAYS = {"Secret", "PersistentVolumeClaim", "ConfigMap", "Job"}
"""Kinds that an operator made, and volumes: docs/install-on-a-cluster.md says how to remove them."""

NOT_OURS = ("kube-root-ca.crt", "default", WEBHOOK, COLLECTOR)
"""Objects of every namespace, and of these tests."""

IGNORED = {
    "events",
    "events.events.k8s.io",
    "endpointslices.discovery.k8s.io",
    "pods.metrics.k8s.io",
    "leases.coordination.k8s.io",
}
"""Kinds that the cluster itself creates and deletes."""


@pytest.fixture(scope="module")
def previous_chart(tmp_path_factory):
    """The chart of the newest commit before HEAD that changed it."""
    folder = tmp_path_factory.mktemp("previous")
    commit = subprocess.run(
        ["git", "rev-list", "-1", "HEAD^", "--", "charts/espalier"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    if not commit:
        reason = "this checkout has no history with a previous chart (in a workflow: fetch-depth: 0)"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(f"NOT TESTED: {reason}")
    run("git", "archive", "--output", str(folder / "chart.tar"), commit)  # whole: the chart has links to files outside
    with tarfile.open(folder / "chart.tar") as archive:
        archive.extractall(folder, filter="data")
    return folder / "charts/espalier"


def test_upgrade_and_helm_rollback_keep_the_model(platform, upgrade, previous_chart):
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


def test_changed_volume_size_is_refused_with_instructions(platform, upgrade):
    with pytest.raises(CommandRefused, match=r"postgresql\.persistence\.size is 77Gi(.|\n)*A larger volume"):
        upgrade("postgresql.persistence.size=77Gi")


def test_uninstall_leaves_only_what_is_documented(platform):
    platform.kube.helm("uninstall", RELEASE, "--wait")

    # The garbage collector deletes later what the Prometheus operator made, and the Endpoints of Services.
    wait_until("removal of what is not documented to stay", lambda: surplus(remaining(platform.kube)), seconds=180)

    left = remaining(platform.kube)
    volumes = {name for kind, name in left if kind == "PersistentVolumeClaim"}
    assert {name for name in volumes if not name.startswith(f"prometheus-{RELEASE}-")} == {
        f"data-{RELEASE}-{name}-0" for name in ("postgresql", "object-store")
    }
    assert not [name for _kind, name in left if name.startswith("sh.helm")]
    policies = platform.kube.kubectl("get", "validatingadmissionpolicy,validatingadmissionpolicybinding", "-o", "name")
    assert platform.kube.namespace not in policies


def surplus(left):
    """Return the objects that docs/install-on-a-cluster.md does not name, as text."""
    return ", ".join(f"{kind} {name}" for kind, name in left if kind not in STAYS)


def remaining(kube):
    """Return kind and name of all objects that neither Kubernetes, nor another object, nor these tests created."""
    kinds = kube.kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name").split()
    objects = kube.get(",".join(kind for kind in kinds if kind not in IGNORED))["items"]
    return [
        (item["kind"], item["metadata"]["name"])
        for item in objects
        if item["metadata"]["name"] not in NOT_OURS and not item["metadata"].get("ownerReferences")
    ]
