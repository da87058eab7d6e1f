"""The release: namespace, chart, Jobs, and users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from espalier.cluster.api_addresses import api_peers, as_setting
from espalier.cluster.charts import ensure_dependencies
from espalier.cluster.tools import Kube
from espalier.cluster.waiting import wait_for_job, wait_for_rollout

__all__ = [
    "CHART",
    "VALUES",
    "app_version",
    "create_namespace",
    "create_user",
    "install",
    "job",
    "run_job",
    "wait_for_stores",
]

CHART = Path("charts/espalier")
VALUES = CHART / "values-kind.yaml"
POD_SECURITY = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}


def app_version(chart: Path = CHART) -> str:
    """Return the version of our images in the chart and the manifests."""
    return str(yaml.safe_load((chart / "Chart.yaml").read_text())["appVersion"])


def create_namespace(kube: Kube) -> None:
    """Create the namespace; it rejects pods that violate Pod Security level "restricted"."""
    kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": kube.namespace, "labels": POD_SECURITY}})


def install(
    kube: Kube, release: str, *, chart: Path = CHART, values: Sequence[Path] = (VALUES,), settings: Sequence[str] = ()
) -> None:
    """Install or upgrade without waiting: the API is not ready before there is a model.

    The NetworkPolicy of training gets the addresses of this cluster's API server, and allows no others on its ports.
    """
    ensure_dependencies(chart)
    files = [option for path in values for option in ("--values", str(path))]
    options = [option for setting in settings for option in ("--set", setting)]
    kubernetes_api = as_setting(api_peers(kube))
    kube.helm("upgrade", "--install", release, str(chart), *files, "--set-json", kubernetes_api, *options)


def wait_for_stores(kube: Kube, release: str) -> None:
    """Wait for the components that training needs."""
    for kind, name in (("statefulset", "postgresql"), ("statefulset", "object-store"), ("deployment", "mlflow")):
        wait_for_rollout(kube, kind, f"{release}-{name}")


def job(kube: Kube, release: str, step: str = "") -> dict[str, Any]:
    """Return the Job that ``kubectl create job --from`` would create from a CronJob of the release.

    Args:
        step: rollback or seed; empty: training.
    """
    name = f"{release}-training-{step}".rstrip("-")
    template = kube.get("cronjob", name)["spec"]["jobTemplate"]
    metadata = {"name": name, "labels": template["metadata"]["labels"]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}


def run_job(kube: Kube, manifest: Mapping[str, Any], *, seconds: float = 1800) -> None:
    """Apply a Job, replacing a finished one of the same name, and wait until it is complete.

    Raises:
        ClusterError: the Job failed.
    """
    name = manifest["metadata"]["name"]
    kube.kubectl("delete", "job", name, "--ignore-not-found", "--wait")
    kube.apply(manifest)
    wait_for_job(kube, name, seconds=seconds)


def create_user(kube: Kube, release: str, user: str, password: str) -> None:
    """Create a user who may predict and send feedback.

    Raises:
        CommandRefused: the user exists, or the command failed.
    """
    pod = f"deployment/{release}-api"
    scopes = [word for scope in ("predict", "model:read", "feedback:write") for word in ("--scope", scope)]
    command = ["espalier", "users", "create", user, *scopes, "--password-stdin"]
    kube.kubectl("exec", "--stdin", pod, "--container", "api", "--", *command, stdin=f"{password}\n")
