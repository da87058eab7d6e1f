"""Pods that the tests create: no rights, and Python from the API's image."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from espalier.cluster.release import app_version
from espalier.cluster.tools import Kube

WEBHOOK, COLLECTOR = "slack", "collector"
"""Names of the pods that replace Slack and a trace collector."""


def restricted_pod(
    name: str, labels: Mapping[str, str], script: str, *arguments: str, restart: str = "Always"
) -> dict[str, Any]:
    """Return a pod that runs a Python script and passes Pod Security ``restricted``."""
    container = {
        "name": name,
        "image": f"espalier/api:{app_version()}",
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-c", script, *arguments],
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


def listening_pod(name: str, port: int, script: str, *arguments: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return such a pod and its Service, for a script that listens on a port."""
    labels = {"app": name}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": labels, "ports": [{"port": port}]},
    }
    return restricted_pod(name, labels, script, *arguments), service


def printed(kube: Kube, name: str) -> list[Any]:
    """Return what such a pod has printed: one JSON value a line."""
    return [json.loads(line) for line in kube.kubectl("logs", name, "--tail=-1").splitlines()]
