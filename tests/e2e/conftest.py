"""One cluster, one namespace and one release for all tests here, which run one after another.

A kind cluster is created, and deleted at the end unless E2E_KEEP is set. With E2E_CLUSTER=given the tests run on the
cluster of KUBECONFIG (and E2E_CONTEXT): E2E_URL is the URL of its ingress, and E2E_REGISTRY a registry that has the
images, unless the nodes have them. With E2E_IMAGES=given the images that docker has are loaded, and none is built.

A module runs first, alone or last: none relies on what another one left. ``platform`` is set up for each module and
works from any state: a champion is served by as many pods as without load, also after an uninstall. A module that needs
more asks for it: ``first_champion``, ``finished_run``, a Prometheus without history (test_alerts.py), a release
without a model (test_first_model.py). ``--shuffle-modules SEED`` runs the modules in another order.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from bundle.vocabulary import CHAMPION
from espalier.cluster import release
from espalier.cluster.addons import ADDONS, ensure_addon, trust_ingress
from espalier.cluster.errors import ClusterError, MissingTool
from espalier.cluster.kind import KindCluster
from espalier.cluster.secrets import ensure_secrets
from espalier.cluster.tools import Kube, require
from espalier.cluster.up import load_images
from espalier.local.processes import free_port
from tests.e2e.monitoring import ADDRESSES, Monitoring, connected, webhook
from tests.e2e.platform import RELEASE, ROOT, ROW, USER, Platform, params
from tests.e2e.registry import FIRST_VERSION

VALUES = ROOT / "tests/e2e/values.yaml"
FIRST, LAST = "test_first_model", "test_release"
"""Modules. This order only saves time: the first would delete models, after the last all has to be installed again."""

Install = Callable[..., None]
Row = dict[str, Any]
Post = Callable[..., Any]


@dataclass(frozen=True)
class Cluster:
    """Where to install, and the URL of the ingress."""

    kube: Kube
    url: str
    settings: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """Host name in the certificate."""
        return str(urlsplit(self.url).hostname)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the order of the modules be changed, to show that none depends on another."""
    parser.addoption("--shuffle-modules", type=int, metavar="SEED", help="run the e2e modules in a random order")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Print the seed, so that the same order can be run again."""
    seed = config.getoption("shuffle_modules", None)
    return None if seed is None else f"e2e modules shuffled: --shuffle-modules {seed}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort the modules of this folder, or shuffle them; tests within a module keep their order."""
    modules = sorted({item.path for item in items if item.path.parent == VALUES.parent})
    seed = config.getoption("shuffle_modules", None)
    if seed is None:
        modules.sort(key=lambda module: (module.stem == LAST) - (module.stem == FIRST))
    else:
        random.Random(seed).shuffle(modules)  # noqa: S311 (not a secret)
    items.sort(key=lambda item: modules.index(item.path) if item.path in modules else -1)


@pytest.fixture(scope="session")
def note(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return a function that prints a measured figure, whether the test passes or not."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def write(text: str) -> None:
        with capture.global_and_fixture_disabled():
            sys.stderr.write(f"\n  {text}\n")

    return write


@pytest.fixture(scope="session", autouse=True)
def working_directory() -> None:
    """Run in the project's root, where charts, manifests and Dockerfiles are."""
    os.chdir(ROOT)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster of E2E_CLUSTER=given, or a new kind cluster."""
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
    kind = KindCluster("espalier-e2e", nodes=int(os.environ.get("NODES", "1")), https_port=port, kubeconfig=kubeconfig)
    if kind.exists():
        kind.delete()  # left by a run that was killed
    kind.create()
    try:
        kube = Kube(namespace, kubeconfig=kubeconfig)
        with ThreadPoolExecutor(1) as beside:
            loaded = beside.submit(load_images, kind, build=os.environ.get("E2E_IMAGES") != "given")
            for addon in ADDONS:
                ensure_addon(kube, addon)
            loaded.result()
        yield Cluster(kube, f"https://localhost:{port}")
    finally:
        if not os.environ.get("E2E_KEEP"):
            kind.delete()


@pytest.fixture(scope="session")
def installed(cluster: Cluster, install: Install, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A new namespace with the release, its stores ready, and the data on the remote; no model at first."""
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
        kube.helm("uninstall", RELEASE, "--ignore-not-found")  # its cluster-wide objects are not in the namespace
        kube.kubectl("delete", "namespace", kube.namespace, "--wait=false")


def secret(name: str, content: dict[str, str]) -> dict[str, object]:
    """Return the manifest of a Secret."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": content}


@pytest.fixture(scope="session")
def install(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Return a function that installs or upgrades with the values of these tests, a small first model among them."""
    folder = tmp_path_factory.mktemp("values")
    first, more = folder / "first.yaml", folder / "more.yaml"
    first.write_text(yaml.safe_dump({"training": {"data": {"params": params(rounds=10)}}}))

    def call(*settings: str, chart: Path = release.CHART, values: dict[str, Any] | None = None) -> None:
        more.write_text(yaml.safe_dump(values or {}))
        overrides = [f"api.ingress.host={cluster.host}", trust_ingress(cluster.kube), *cluster.settings, *settings]
        files = [chart / release.VALUES.name, VALUES, first, more]  # an older chart has its own
        release.install(cluster.kube, RELEASE, chart=chart, values=files, settings=overrides)

    return call


@pytest.fixture(scope="session")
def create_user(installed: Platform) -> Callable[[], None]:
    """Return a function that creates the tests' user, once: users outlive pods and also an uninstall."""
    return cache(lambda: release.create_user(installed.kube, RELEASE, USER, installed.password))


@pytest.fixture(scope="module")
def platform(installed: Platform, install: Install, create_user: Callable[[], None]) -> Platform:
    """The release with a champion and a user, at rest: established from whatever state the module before left."""
    kube = installed.kube
    if not kube.exists("deployment", f"{RELEASE}-api"):  # test_release.py uninstalls it
        install()
        release.wait_for_stores(kube, RELEASE)
    champion = installed.registry().champion
    if champion is None:
        release.run_job(kube, release.job(kube, RELEASE))
    elif installed.annotation() != champion:  # a new Deployment has none
        installed.annotate(champion)
    installed.wait_until_at_rest()
    create_user()
    return installed


@pytest.fixture(scope="module")
def first_champion(platform: Platform) -> None:
    """Version 1, the weakest, is champion as if no other had been: a run with more rounds will pass the gate."""
    if platform.registry().aliases != {CHAMPION: FIRST_VERSION}:
        platform.reset_champion(FIRST_VERSION)
        platform.wait_until_at_rest()


@pytest.fixture(scope="module")
def finished_run(platform: Platform) -> str:
    """Name of a training Job of the release that is complete: Kubernetes deletes one some time after its end."""
    job = release.job(platform.kube, RELEASE)
    name = str(job["metadata"]["name"])
    if not completed_lately(platform.kube, name):
        release.run_job(platform.kube, job)  # the first model's parameters again: the champion stays
    return name


def completed_lately(kube: Kube, job: str) -> bool:
    """Tell whether a Job exists and was complete a short while ago."""
    if not kube.exists("job", job):
        return False
    completed = kube.get("job", job)["status"].get("completionTime")
    return completed is not None and datetime.now(UTC) - datetime.fromisoformat(completed) < timedelta(minutes=20)


@pytest.fixture(scope="module")
def monitoring(platform: Platform) -> Iterator[Monitoring]:
    """The release's Prometheus, and the webhook that replaces Slack."""
    with connected(platform.kube) as monitoring:
        yield monitoring


@pytest.fixture(scope="session")
def flights(installed: Platform) -> tuple[list[Row], list[str]]:
    """A random sample of the training months' rows, and the true label of each."""
    import pandas as pd

    from pipelines.data.flights import export_flights

    table = pd.read_csv(export_flights(installed.folder / "flights.csv"))
    table = table[table["scheduled"] < "2013-10"].dropna(subset=["late"]).sample(12_000, random_state=1)
    rows = json.loads(table[list(ROW["rows"][0])].to_json(orient="records"))
    return rows, ["late" if late else "on_time" for late in table["late"]]


@pytest.fixture
def post(platform: Platform) -> Iterator[Post]:
    """Return a function that posts bytes, or an object as JSON, with a user's token."""
    with platform.client() as client:
        token = platform.token()
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

        def send(path: str, body: object, **more: str) -> Any:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            answer = client.post(path, content=content, headers=headers | more, timeout=60)
            assert answer.status_code == 200, answer.text
            return answer.json()

        yield send


@pytest.fixture
def predict(post: Post) -> Callable[[list[Row]], None]:
    """Return a function that asks for predictions of rows, 1,000 to a request."""

    def send(rows: list[Row]) -> None:
        for start in range(0, len(rows), 1000):
            post("/v1/predict", {"rows": rows[start : start + 1000]})

    return send


@pytest.fixture
def upgrade(install: Install, platform: Platform) -> Iterator[Install]:
    """Return a function that runs helm upgrade with other values; afterwards the release has its own again."""
    yield install
    install()
    platform.wait_until_settled()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Add the state of the cluster to the report of a failed test."""
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
            output = "\n".join(cluster.kube.kubectl(*command).splitlines()[-30:])
        except ClusterError as error:
            output = str(error)
        report.sections.append((f"kubectl {' '.join(command)}", output))
