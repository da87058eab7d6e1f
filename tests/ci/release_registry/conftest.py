"""Releases made with the real docker, helm, cosign and syft, in a registry and with Sigstore's servers on loopback.

The images and the chart are small stand-ins. The registry has no referrers API, as GitHub's has none: bundles are found
through tags. `make release-tools` builds the programs, `make test-release` runs these tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest

from espalier.local.processes import Server, free_port, running
from tests.ci.release_registry.private_sigstore import EXECUTE, PrivateSigstore, private_sigstore
from tests.ci.release_registry.releases import OLDER, PACKAGE, PARTS, REPOSITORY, VERSION, Release
from tests.small_project import ROOT

HELM = """#!/bin/sh
case $1 in push | pull) set -- "$@" --plain-http ;; esac
exec {helm} "$@"
"""
"""docker, buildx and cosign speak HTTP to loopback unasked, and Helm does not."""

HIDDEN = ("GITHUB_", "ACTIONS_", "COSIGN_", "SIGSTORE_")
"""Beginnings of variables that the steps or cosign read."""


@pytest.fixture(scope="session")
def sigstore(tmp_path_factory: pytest.TempPathFactory, need: Callable[[str], str]) -> Iterator[PrivateSigstore]:
    with private_sigstore(tmp_path_factory.mktemp("sigstore"), need) as found:
        yield found


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory, need: Callable[[str], str]) -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    log = tmp_path_factory.mktemp("registry") / "log"
    command = (*EXECUTE, need("crane"), "registry", "serve", "--address", address)
    with running(Server("registry", command, {}, f"http://{address}/v2/", log)):
        yield address


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory, need: Callable[[str], str]) -> dict[str, str]:
    """Variables with which the programs read no configuration of who runs the tests."""
    for name in ("docker", "jq", "syft", "cosign"):
        need(name)
    folder = tmp_path_factory.mktemp("tools")
    (folder / "cli-plugins").mkdir()
    (folder / "cli-plugins/docker-buildx").symlink_to(need("docker-buildx"))
    (folder / "helm").write_text(HELM.format(helm=need("helm")))
    (folder / "helm").chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(HIDDEN)}
    return {
        **kept,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "DOCKER_CONFIG": str(folder),
        "HELM_CONFIG_HOME": str(folder),
        "COSIGN_PASSWORD": "of a test",
        "SYFT_CHECK_FOR_APP_UPDATE": "false",
        "GITHUB_RUN_ID": "7",
    }


@pytest.fixture(scope="session")
def make_release(
    tmp_path_factory: pytest.TempPathFactory, tools: dict[str, str]
) -> Iterator[Callable[[str, str, dict[str, str]], Release]]:
    """Returns a function that makes the checkout of a version, its chart in dist/, and its three images."""
    images: list[str] = []

    def make(registry: str, version: str, variables: dict[str, str]) -> Release:
        folder = tmp_path_factory.mktemp("checkout")
        for name in (".ci", "charts/espalier", "dist"):
            (folder / name).mkdir(parents=True)
        shutil.copy(ROOT / ".ci/release", folder / ".ci")
        (folder / "charts/espalier/Chart.yaml").write_text(f"apiVersion: v2\nname: espalier\nversion: {version}\n")
        release = Release(folder, registry, version, {**tools, **variables, "REGISTRY": registry})
        release.tool("helm", "package", "charts/espalier", "--destination", "dist")
        for part in PARTS:
            metadata = folder / f"image-{part}/usr/lib/python3/site-packages/{PACKAGE}.dist-info/METADATA"
            metadata.parent.mkdir(parents=True)
            metadata.write_text(f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1.0\nSummary: {part} {version}\n")
            (folder / f"image-{part}/Dockerfile").write_text("FROM scratch\nCOPY usr /usr\n")
            images.append(f"espalier/{part}:{version}")
            release.tool("docker", "build", "--quiet", "--tag", images[-1], f"image-{part}")
            images.append(f"{registry}/espalier/{part}:candidate-7")
        return release

    yield make
    for image in images:
        subprocess.run(["docker", "image", "rm", "--force", image], capture_output=True, check=False)


@pytest.fixture(scope="session")
def publish(
    registry: str, sigstore: PrivateSigstore, make_release: Callable[[str, str, dict[str, str]], Release]
) -> Callable[[str], Release]:
    """Return a function that releases a version as the release workflow does at that version's tag."""

    def run(version: str) -> Release:
        made = make_release(f"{registry}/somebody", version, sigstore.job(REPOSITORY, f"refs/tags/v{version}"))
        made.push()
        made.publish()
        return made

    return run


@pytest.fixture(scope="session")
def release(publish: Callable[[str], Release]) -> Release:
    """A released version."""
    return publish(VERSION)


@pytest.fixture(scope="session")
def older(publish: Callable[[str], Release]) -> Release:
    """The version before, in the same registry."""
    return publish(OLDER)
