"""A cluster, a fresh namespace and a release in it: made once for all tests here, which run one after another.

A kind cluster is made, and deleted at the end unless E2E_KEEP is set. With E2E_CLUSTER=given it runs on the cluster of
KUBECONFIG (and E2E_CONTEXT): E2E_URL is then the address of its ingress, and E2E_REGISTRY a registry that has
the images, unless the nodes have them. With E2E_IMAGES=given the images that docker has are loaded, and none is built.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from espalier.client import get_token
from espalier.cluster import release
from espalier.cluster.addons import ADDONS, ensure_addon, trust_ingress
from espalier.cluster.errors import ClusterError, MissingTool
from espalier.cluster.kind import KindCluster
from espalier.cluster.secrets import ensure_secrets
from espalier.cluster.tools import Kube, require
from espalier.cluster.up import load_images
from espalier.cluster.waiting import wait_for_rollout
from espalier.local.processes import free_port
from tests.e2e.monitoring import ADDRESSES, Monitoring, forwarded, webhook
from tests.e2e.platform import RELEASE, ROOT, ROW, USER, Platform, params

VALUES = ROOT / "tests/e2e/values.yaml"
ORDER = (
    "first_model",
    "alerts",  # before any load: windows of hours remember it
    "dashboards",
    "heartbeat",  # Prometheus begins anew in it
    "zero_downtime",
    "idle_connections",
    "gate",
    "concurrent_runs",
    "data_version",
    "killed_runs",
    "permissions",
    "documented_commands",
    "network",
    "client_address",
    "traces",
    "outages",
    "autoscaling",
    "release",
)
"""Of the modules: each finds what the ones before it left, and the last leaves nothing."""


Install = Callable[..., None]
Row = dict[str, Any]
Ask = Callable[..., Any]


@dataclass(frozen=True)
class Cluster:
    """Where to install, and how to reach its ingress."""

    kube: Kube
    url: str
    settings: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """Name in the certificate."""
        return str(urlsplit(self.url).hostname)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by module, in the order above."""
    items.sort(key=lambda item: ORDER.index(item.path.stem.removeprefix("test_")))


@pytest.fixture(scope="session")
def note(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Show a figure that was measured, whatever becomes of the test."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def write(text: str) -> None:
        with capture.global_and_fixture_disabled():
            sys.stderr.write(f"\n  {text}\n")

    return write


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
        settings = (f"global.espalier.imageRegistry={registry}",) if registry else ()
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
        load_images(made, build=os.environ.get("E2E_IMAGES") != "given")
        yield Cluster(kube, f"https://localhost:{port}")
    finally:
        if not os.environ.get("E2E_KEEP"):
            made.delete()


@pytest.fixture(scope="session")
def installed(cluster: Cluster, install: Install, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A fresh namespace with the release, the stores up, the data on the remote, and no model yet."""
    kube, folder, password = cluster.kube, tmp_path_factory.mktemp("platform"), secrets.token_urlsafe(18)
    release.create_namespace(kube)
    ensure_secrets(kube, RELEASE, cluster.host)
    kube.apply(secret(f"{RELEASE}-alerts", ADDRESSES), *webhook())
    kube.create(secret("smoke", {"user": USER, "password": password}))
    install()
    release.wait_for_stores(kube, RELEASE)
    (folder / "ca.pem").write_bytes(b64decode(kube.get("secret", f"{RELEASE}-api-tls")["data"]["ca.crt"]))
    release.run_job(kube, release.job(kube, RELEASE, "seed"))
    yield Platform(kube, cluster.url, folder / "ca.pem", password, folder)
    if not os.environ.get("E2E_KEEP"):
        kube.helm("uninstall", RELEASE, "--ignore-not-found")  # what is of the whole cluster is not in the namespace
        kube.kubectl("delete", "namespace", kube.namespace, "--wait=false")


def secret(name: str, content: dict[str, str]) -> dict[str, object]:
    """A Secret as kubectl takes it."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": content}


@pytest.fixture(scope="session")
def install(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Install or upgrade with the values of these tests, of which a small first model is a part."""
    folder = tmp_path_factory.mktemp("values")
    first, more = folder / "first.yaml", folder / "more.yaml"
    first.write_text(yaml.safe_dump({"training": {"data": {"params": params(rounds=10)}}}))

    def call(*settings: str, chart: Path = release.CHART, values: dict[str, Any] | None = None) -> None:
        more.write_text(yaml.safe_dump(values or {}))
        wanted = [f"api.ingress.host={cluster.host}", trust_ingress(cluster.kube), *cluster.settings, *settings]
        files = [chart / release.VALUES.name, VALUES, first, more]  # an older chart has its own
        release.install(cluster.kube, RELEASE, chart=chart, values=files, settings=wanted)

    return call


@pytest.fixture(scope="session")
def platform(installed: Platform) -> Platform:
    """The release with a first champion and a user. test_first_model.py looks at how that comes to be."""
    if not installed.annotation():
        release.run_job(installed.kube, release.job(installed.kube, RELEASE))
    wait_for_rollout(installed.kube, "deployment", f"{RELEASE}-api")
    release.create_user(installed.kube, RELEASE, USER, installed.password)
    return installed


@pytest.fixture(scope="session")
def monitoring(platform: Platform) -> Iterator[Monitoring]:
    """The release's Prometheus, and the webhook in Slack's place."""
    with forwarded(platform.kube, "prometheus-operated", 9090) as prometheus:
        yield Monitoring(platform.kube, prometheus)


@pytest.fixture(scope="session")
def flights(platform: Platform) -> tuple[list[Row], list[str]]:
    """Rows of the months that train, picked by chance, and how each turned out."""
    import pandas as pd

    from pipelines.data.flights import export_flights

    table = pd.read_csv(export_flights(platform.folder / "flights.csv"))
    table = table[table["scheduled"] < "2013-10"].dropna(subset=["late"]).sample(12_000, random_state=1)
    rows = json.loads(table[list(ROW["rows"][0])].to_json(orient="records"))
    return rows, ["late" if late else "on_time" for late in table["late"]]


@pytest.fixture
def ask(platform: Platform) -> Iterator[Ask]:
    """Post something, or its JSON, with a user's token."""
    with platform.client() as client:
        token = get_token(client, USER, platform.password)["access_token"]
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

        def send(path: str, body: object, **more: str) -> Any:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            answer = client.post(path, content=content, headers=headers | more, timeout=60)
            assert answer.status_code == 200, answer.text
            return answer.json()

        yield send


@pytest.fixture
def predict(ask: Ask) -> Callable[[list[Row]], None]:
    """Predict rows, in as many requests as it takes."""

    def send(rows: list[Row]) -> None:
        for start in range(0, len(rows), 1000):
            ask("/v1/predict", {"rows": rows[start : start + 1000]})

    return send


@pytest.fixture
def upgrade(install: Install, platform: Platform) -> Iterator[Install]:
    """Call helm upgrade with values beside those of the release; they go back at the end."""
    yield install
    install()
    platform.wait_until_settled()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Say what the cluster looks like when a test fails."""
    report = (yield).get_result()
    cluster = getattr(item, "funcargs", {}).get("cluster")
    if not report.failed or cluster is None:
        return
    for command in (
        ["get", "pods", "-o", "wide"],
        ["get", "events", "--sort-by=.lastTimestamp"],
        ["logs", f"deployment/{RELEASE}-api", "--tail=20"],
    ):
        try:
            said = "\n".join(cluster.kube.kubectl(*command).splitlines()[-30:])
        except ClusterError as error:
            said = str(error)
        report.sections.append((f"kubectl {' '.join(command)}", said))
