"""Install or upgrade a released chart in the current cluster of kubectl: ``make deploy``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from bundle.vocabulary import VERSION_ANNOTATION
from espalier.cluster.errors import ClusterError
from espalier.cluster.tools import Kube, run
from espalier.cluster.waiting import wait_for_rollout

__all__ = ["check_arguments", "deploy"]

SEMANTIC_VERSION = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)
"""Source: https://semver.org, "Is there a suggested regular expression"."""

DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
"""Source: RFC 1123; the names that Kubernetes and Helm accept."""

REGISTRY = re.compile(r"[a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*", re.ASCII)
"""Host, port and path, as in the name of an OCI artifact."""

PARTS = (("statefulset", "postgresql"), ("statefulset", "object-store"), ("deployment", "mlflow"))
"""What training needs, if enabled."""

TIMEOUT = "15m"


def check_arguments(registry: str, version: str, namespace: str, release: str) -> None:
    """Reject malformed arguments before any of them reaches a command.

    Raises:
        ClusterError: the message names the argument and its expected form.
    """
    checks: tuple[tuple[str, str, re.Pattern[str], str], ...] = (
        ("REGISTRY", registry, REGISTRY, "a registry such as registry.example.com/team"),
        ("VERSION", version, SEMANTIC_VERSION, "a semantic version such as 1.2.3"),
        ("NAMESPACE", namespace, DNS_LABEL, "the name of a namespace such as espalier"),
        ("RELEASE", release, DNS_LABEL, "the name of a release such as espalier"),
    )
    for name, value, form, expected in checks:
        if not form.fullmatch(value):
            raise ClusterError(f"{name} is {value[:100]!r}, which is not {expected}")


def deploy(
    kube: Kube, release: str, *, registry: str, version: str, values: Sequence[Path], chart: Path | None = None
) -> bool:
    """Install or upgrade, and return whether the API serves; before the first model it cannot.

    ``chart`` is a packaged chart that was verified, and so is installed instead of what the registry gives now.

    With a model, wait until the API is ready, and roll back a failed release. Without one, wait only for what training
    needs: ``helm --wait`` would time out, because the API is not ready before a model has been trained.

    Raises:
        ClusterError: an argument is malformed, or a component did not become ready.
    """
    check_arguments(registry, version, kube.namespace, release)
    files = [option for path in values for option in ("--values", str(path))]
    source = [str(chart)] if chart else [f"oci://{registry}/charts/espalier", "--version", version]
    upgrade = ["upgrade", "--install", release, *source, *files]
    if _has_model(kube, release):
        kube.helm(*upgrade, "--wait", _rollback_option(), "--timeout", TIMEOUT, seconds=1800)
        return True
    kube.helm(*upgrade, "--timeout", TIMEOUT, seconds=1800)
    for kind, part in PARTS:
        if kube.exists(kind, f"{release}-{part}"):
            wait_for_rollout(kube, kind, f"{release}-{part}", seconds=900)
    return False


def _has_model(kube: Kube, release: str) -> bool:
    """Tell whether a version was promoted, or pods serve the champion."""
    name = f"{release}-api"
    if not kube.exists("deployment", name):
        return False
    deployment = kube.get("deployment", name)
    annotations = deployment["spec"]["template"]["metadata"].get("annotations", {})
    return VERSION_ANNOTATION in annotations or bool(deployment.get("status", {}).get("availableReplicas"))


def _rollback_option() -> str:
    """Return the option's name, which Helm 4 changed."""
    version = run("helm", "version", "--template", "{{.Version}}").strip()
    return "--atomic" if version.startswith("v3.") else "--rollback-on-failure"
