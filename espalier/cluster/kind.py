"""A kind cluster on this machine, for evaluation and tests."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

from espalier.cluster.tools import run

__all__ = ["KindCluster"]


@dataclass(frozen=True)
class KindCluster:
    """A cluster by name; its kubectl context is kind-<name>."""

    name: str
    nodes: int = 3
    https_port: int = 9443
    """Port on localhost that maps to port 443 of the first node, where the ingress controller listens."""

    kubeconfig: str = ""
    """File for its kubeconfig; empty: the default of kubectl."""

    @property
    def context(self) -> str:
        """Name of its kubectl context."""
        return f"kind-{self.name}"

    def exists(self) -> bool:
        """Tell whether the cluster exists."""
        return self.name in run("kind", "get", "clusters").split()

    def create(self) -> None:
        """Create the cluster; KIND_NODE_IMAGE names another node image."""
        image = os.environ.get("KIND_NODE_IMAGE", "")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "kind.yaml"
            file.write_text(yaml.safe_dump(self._config()))
            options = ["--image", image] if image else []
            run(
                "kind",
                "create",
                "cluster",
                "--name",
                self.name,
                "--config",
                str(file),
                "--wait",
                "300s",
                *options,
                *self._where(),
            )

    def delete(self) -> None:
        """Delete the cluster and everything in it."""
        run("kind", "delete", "cluster", "--name", self.name, *self._where())

    def _where(self) -> list[str]:
        return ["--kubeconfig", self.kubeconfig] if self.kubeconfig else []

    def _config(self) -> dict[str, object]:
        port = {"containerPort": 443, "hostPort": self.https_port, "listenAddress": "127.0.0.1"}
        first = {"role": "control-plane", "extraPortMappings": [port], "labels": {"ingress-ready": "true"}}
        others = [{"role": "worker"}] * (self.nodes - 1)
        return {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [first, *others]}
