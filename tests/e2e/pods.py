"""Pods of the tests' own: no rights, and Python from the API's image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from espalier.cluster.release import app_version

WEBHOOK, COLLECTOR = "slack", "collector"
"""Names of those that stand in for what is outside."""


def restricted_pod(name: str, labels: Mapping[str, str], *command: str, restart: str = "Always") -> dict[str, Any]:
    """Return a pod that passes Pod Security ``restricted``."""
    container = {
        "name": name,
        "image": f"espalier/api:{app_version()}",
        "imagePullPolicy": "IfNotPresent",
        "command": list(command),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": dict(labels)},
        "spec": {
            "restartPolicy": restart,
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
        },
    }


def service(name: str, labels: Mapping[str, str], port: int) -> dict[str, Any]:
    """Return a Service for such a pod."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": dict(labels), "ports": [{"port": port}]},
    }
