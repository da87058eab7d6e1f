"""``make up``: from nothing to HTTPS predictions on a kind cluster, with the progress of each step."""

from __future__ import annotations

import secrets
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from bundle.vocabulary import VERSION_ANNOTATION
from espalier.cluster import images, release
from espalier.cluster.addons import ADDONS, ensure_addon, trust_ingress
from espalier.cluster.errors import CommandRefused
from espalier.cluster.kind import KindCluster
from espalier.cluster.secrets import ensure_secrets
from espalier.cluster.tools import Kube, require, run
from espalier.cluster.waiting import wait_for_rollout

__all__ = ["Evaluation", "bring_up", "build_images", "load_images"]

RELEASE = "espalier"
HOST = "localhost"
USER = "demo"

console = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Evaluation:
    """How to reach the API."""

    url: str
    ca: Path
    user: str
    password_file: Path


def bring_up(cluster: KindCluster, state: Path) -> Evaluation:
    """Run all steps; completed ones are skipped.

    Raises:
        ClusterError: a step failed; completed steps are kept.
    """
    require("docker", "kind", "kubectl", "helm")
    kube = Kube(RELEASE, context=cluster.context)
    names = images.image_names("", release.app_version())
    build_images(names)
    with step(f"create cluster {cluster.name}"):
        if not cluster.exists():
            cluster.create()
    for addon in ADDONS:
        with step(f"install {addon.name}"):
            ensure_addon(kube, addon)
    load_all = partial(images.load, names.values(), cluster=cluster.name)
    with meanwhile("load images", load_all), step("install namespace, Secrets, chart"):
        release.create_namespace(kube)
        ensure_secrets(kube, RELEASE, HOST)
        release.install(kube, RELEASE, settings=[trust_ingress(kube)])
    is_new = release_is_new(kube)
    if is_new:  # seeding the table needs only the object store, so it runs while MLflow starts
        wait_for_rollout(kube, "statefulset", f"{RELEASE}-object-store")
        release.run_job(kube, release.job(kube, RELEASE, "seed"))
    release.wait_for_stores(kube, RELEASE)
    if is_new:
        release.run_job(kube, release.job(kube, RELEASE))
    wait_for_rollout(kube, "deployment", f"{RELEASE}-api")
    return _first_user(kube, cluster, state)


def load_images(cluster: KindCluster, *, build: bool = True) -> None:
    """Build the images, and load them to the nodes."""
    names = images.image_names("", release.app_version())
    if build:
        build_images(names)
    with step("load images"):
        images.load(names.values(), cluster=cluster.name)


def build_images(names: Mapping[str, str]) -> None:
    """Build the images; ``names`` is part → full name."""
    commit = run("git", "describe", "--always", "--dirty", "--abbrev=40").strip()
    for part, name in names.items():
        with step(f"build image {name}"):
            images.build(part, name, commit=commit)


@contextmanager
def meanwhile(what: str, work: Callable[[], None]) -> Iterator[None]:
    """Run ``work`` in parallel with the block, and wait for it after the block.

    Loading images is the longest step, and the block mostly waits.
    """
    started = time.monotonic()
    with ThreadPoolExecutor(1) as executor:
        done = executor.submit(work)
        yield
        with console.status(f"{what} …"):
            done.result()
    console.print(f"  {what}: {time.monotonic() - started:.0f} s, in parallel with the steps above")


def release_is_new(kube: Kube) -> bool:
    """Tell whether no training run has rolled out a version yet."""
    template = kube.get("deployment", f"{RELEASE}-api")["spec"]["template"]["metadata"]
    return VERSION_ANNOTATION not in template.get("annotations", {})


@contextmanager
def step(what: str) -> Iterator[None]:
    """Show a step while it runs, and its duration when it is done."""
    started = time.monotonic()
    with console.status(f"{what} …"):
        yield
    console.print(f"  {what}: {time.monotonic() - started:.0f} s")


def _first_user(kube: Kube, cluster: KindCluster, state: Path) -> Evaluation:
    folder = state / "cluster"
    folder.mkdir(parents=True, exist_ok=True)
    authority = kube.get("secret", f"{RELEASE}-api-tls")["data"]["ca.crt"]
    (folder / "ca.pem").write_bytes(b64decode(authority))
    password = folder / "password"
    if not password.exists():
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(18))
    try:
        release.create_user(kube, RELEASE, USER, password.read_text())
    except CommandRefused:  # the user exists from an earlier make up, or the command failed
        command = ("--", "espalier", "users", "list", "--json")
        listed = kube.kubectl("exec", f"deployment/{RELEASE}-api", "--container", "api", *command)
        if f'"name": "{USER}"' not in listed:
            raise
    url = f"https://{HOST}:{cluster.https_port}"
    (folder / "url").write_text(url)  # espalier load reads it
    return Evaluation(url, folder / "ca.pem", USER, password)
