"""A cluster, a fresh namespace and a release in it: made once for all tests here, which run one after another.

KUBECONFIG (or E2E_CONTEXT within it) names a cluster of yours; then E2E_REGISTRY is a registry that has the images, and
E2E_URL the address of its ingress, by a host name that is also in the certificate. Without E2E_CLUSTER=given a kind cluster
is made, and deleted at the end unless E2E_KEEP is set.
"""

from __future__ import annotations

import os
import secrets
import sys
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from espalier.cluster import release
from espalier.cluster.addons import ADDONS, ensure_addon
from espalier.cluster.errors import MissingTool
from espalier.cluster.kind import KindCluster
from espalier.cluster.secrets import ensure_secrets
from espalier.cluster.tools import Kube, require
from espalier.cluster.up import load_images
from espalier.cluster.waiting import wait_for_rollout
from espalier.local.processes import free_port
from tests.e2e.platform import RELEASE, ROOT, USER, Platform

VALUES = ROOT / "tests/e2e/values.yaml"


@dataclass(frozen=True)
class Cluster:
    """Where to install, and how to reach its ingress."""

    kube: Kube
    url: str
    settings: tuple[str, ...] = ()


@pytest.fixture(scope="session", autouse=True)
def in_the_root() -> None:
    """Charts, manifests and Dockerfiles are found from the project's root."""
    os.chdir(ROOT)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The given cluster, or one of our own."""
    namespace = f"espalier-e2e-{secrets.token_hex(3)}"
    given = os.environ.get("E2E_CLUSTER") == "given"
    try:
        require("kubectl", "helm", *(() if given else ("docker", "kind")))
    except MissingTool as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"NOT TESTED ON A CLUSTER: {error}")
    if given:
        registry = os.environ.get("E2E_REGISTRY", "")
        settings = (f"global.imageRegistry={registry}",) if registry else ()
        yield Cluster(Kube(namespace, context=os.environ.get("E2E_CONTEXT", "")), os.environ["E2E_URL"], settings)
        return
    kubeconfig = str(tmp_path_factory.mktemp("kind") / "kubeconfig")
    port = int(os.environ.get("E2E_HTTPS_PORT") or free_port())
    made = KindCluster("espalier-e2e", nodes=int(os.environ.get("NODES", "1")), https_port=port, kubeconfig=kubeconfig)
    if made.exists():
        made.delete()  # left by a run that was ended
    made.create()
    try:
        kube = Kube(namespace, kubeconfig=kubeconfig)
        for addon in ADDONS:
            ensure_addon(kube, addon)
        load_images(made)
        yield Cluster(kube, f"https://localhost:{port}")
    finally:
        if not os.environ.get("E2E_KEEP"):
            made.delete()


@pytest.fixture(scope="session")
def installed(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A fresh namespace with the release, the stores up, the data on the remote, and no model yet."""
    kube, folder = cluster.kube, tmp_path_factory.mktemp("platform")
    release.create_namespace(kube)
    ensure_secrets(kube, RELEASE, str(urlsplit(cluster.url).hostname))
    install(cluster)
    release.wait_for_stores(kube, RELEASE)
    (folder / "ca.pem").write_bytes(b64decode(kube.get("secret", f"{RELEASE}-api-tls")["data"]["ca.crt"]))
    release.run_job(kube, release.job("seed-job"))
    try:
        yield Platform(kube, cluster.url, folder / "ca.pem", secrets.token_urlsafe(18), folder)
    finally:
        if not os.environ.get("E2E_KEEP"):
            kube.kubectl("delete", "namespace", kube.namespace, "--wait=false")
            kube.kubectl(
                "delete",
                "validatingadmissionpolicy,validatingadmissionpolicybinding",
                "--ignore-not-found",
                f"{kube.namespace}-{RELEASE}-training",
            )


def install(cluster: Cluster, *settings: str, chart: Path = release.CHART) -> None:
    """Install or upgrade with the values of these tests."""
    host = f"api.ingress.host={urlsplit(cluster.url).hostname}"
    release.install(
        cluster.kube,
        RELEASE,
        chart=chart,
        values=[release.VALUES, VALUES],
        settings=[host, *cluster.settings, *settings],
    )


@pytest.fixture(scope="session")
def platform(installed: Platform) -> Platform:
    """The release with a first champion and a user. test_first_model.py looks at how that comes to be."""
    if not installed.annotation():
        installed.kube.apply(installed.training_job("first", rounds=10))
        installed.wait_for_job("training-first")
    wait_for_rollout(installed.kube, "deployment", f"{RELEASE}-api")
    listed = installed.kube.kubectl(
        "exec", f"deployment/{RELEASE}-api", "-c", "api", "--", "espalier", "users", "list", "--json"
    )
    if f'"{USER}"' not in listed:
        release.create_user(installed.kube, RELEASE, USER, installed.password)
    return installed


@pytest.fixture
def upgrade(cluster: Cluster, platform: Platform):
    """Call helm upgrade with values beside those of the release; they go back at the end."""
    changed = []

    def call(*settings: str, chart: Path = release.CHART) -> None:
        changed.append(settings)
        install(cluster, *settings, chart=chart)

    yield call
    if changed and changed[-1]:
        install(cluster)
        platform.wait_until_settled()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Say what the cluster looks like when a test fails."""
    outcome = yield
    report = outcome.get_result()
    cluster = getattr(item, "funcargs", {}).get("cluster") or _cluster_of(item)
    if report.failed and cluster is not None:
        for command in (
            ["get", "pods", "-o", "wide"],
            ["get", "events", "--sort-by=.lastTimestamp"],
            ["logs", f"deployment/{RELEASE}-api", "--tail=20", "--all-pods"],
        ):
            try:
                said = "\n".join(cluster.kubectl(*command).splitlines()[-30:])
            except Exception as error:  # noqa: BLE001 (this is a report about another failure)
                said = str(error)
            sys.stderr.write(f"\n--- kubectl {' '.join(command)}\n{said}\n")


def _cluster_of(item: pytest.Item) -> Kube | None:
    for name in ("platform", "installed"):
        if name in getattr(item, "funcargs", {}):
            return item.funcargs[name].kube
    return None
