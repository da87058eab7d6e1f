"""Build the three images, push them, or load them to the nodes of a kind cluster."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from espalier.cluster.tools import run

__all__ = ["DOCKERFILES", "build", "image_names", "load", "push"]

DOCKERFILES = {
    "api": Path("services/api/Dockerfile"),
    "training": Path("pipelines/Dockerfile"),
    "mlflow": Path("services/mlflow/Dockerfile"),
}
SECONDS = 3600


def image_names(registry: str, tag: str) -> dict[str, str]:
    """Return part → full name, as in the chart for the same registry and tag."""
    prefix = f"{registry}/" if registry else ""
    return {part: f"{prefix}espalier/{part}:{tag}" for part in DOCKERFILES}


def build(part: str, name: str, *, commit: str) -> None:
    """Build one image from the root of the project."""
    file = str(DOCKERFILES[part])
    run(
        "docker",
        "build",
        "--quiet",
        "--file",
        file,
        "--build-arg",
        f"COMMIT={commit}",
        "--tag",
        name,
        ".",
        seconds=SECONDS,
    )


def push(names: Iterable[str]) -> None:
    """Push images to the registry in their names."""
    for name in names:
        run("docker", "push", "--quiet", name, seconds=SECONDS)


def load(names: Iterable[str], *, cluster: str) -> None:
    """Load images on every node that runs our pods, in one command, so that shared layers are copied once.

    With workers, the control plane of kind runs none of our pods, and a copy for it takes as long as one for a worker.
    """
    nodes = run("kind", "get", "nodes", "--name", cluster).split()
    workers = [node for node in nodes if node.startswith(f"{cluster}-worker")]
    where = ["--nodes", ",".join(sorted(workers))] if workers else []
    run("kind", "load", "docker-image", "--name", cluster, *where, *names, seconds=SECONDS)
