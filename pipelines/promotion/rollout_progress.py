"""Progress and time limit of a Deployment's rollout. Pure functions of the object as the Kubernetes API returns it.

The rules are those of ``kubectl rollout status``, which the image does not have.
"""

from __future__ import annotations

import math

from pipelines.promotion.kubernetes_api import Resource

__all__ = ["desired_pods", "is_complete", "is_stuck", "limit_seconds", "progress"]

DEFAULT_SURGE = "25%"
DEFAULT_DEADLINE_SECONDS = 600
"""The default of Kubernetes."""


def desired_pods(deployment: Resource) -> int:
    """Return spec.replicas; the default is 1."""
    replicas = deployment["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def is_complete(deployment: Resource, *, without_pods: bool = False) -> bool:
    """Tell whether every desired pod is new and available, and no old pod is left.

    Args:
        without_pods: accept zero pods if zero are desired.
    """
    status = deployment.get("status", {})
    new, all_, available = (status.get(name) or 0 for name in ("updatedReplicas", "replicas", "availableReplicas"))
    least = 0 if without_pods else 1
    return bool(new >= max(desired_pods(deployment), least) and new == all_ == available)


def is_stuck(deployment: Resource) -> bool:
    """Tell whether progressDeadlineSeconds have passed without progress."""
    conditions = deployment.get("status", {}).get("conditions") or []
    return any(
        condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded"
        for condition in conditions
    )


def limit_seconds(deployment: Resource, seconds_per_pod: float) -> float:
    """Return the time limit of the whole rollout.

    Pods are replaced in groups of maxSurge, one group after another. A group may take ``seconds_per_pod`` to become
    ready, plus minReadySeconds. progressDeadlineSeconds are added: Kubernetes itself detects a group that does not
    become ready; this limit ends rollouts that make slow progress forever.

    Args:
        seconds_per_pod: time from the start of a new pod until it is ready.
    """
    spec = deployment["spec"]
    groups = math.ceil(max(desired_pods(deployment), 1) / _surge(deployment))
    deadline = spec.get("progressDeadlineSeconds") or DEFAULT_DEADLINE_SECONDS
    return float(deadline + groups * (seconds_per_pod + (spec.get("minReadySeconds") or 0)))


def _surge(deployment: Resource) -> int:
    """Return how many pods start at once: maxSurge; Kubernetes rounds a percentage up."""
    rolling = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    surge = rolling.get("maxSurge", DEFAULT_SURGE)
    if isinstance(surge, str) and surge.endswith("%"):
        surge = math.ceil(desired_pods(deployment) * int(surge[:-1]) / 100)
    return max(1, int(surge))


def progress(deployment: Resource) -> str:
    """Describe the progress."""
    status = deployment.get("status", {})
    return (
        f"{status.get('updatedReplicas') or 0} of {desired_pods(deployment)} pods are new, "
        f"{status.get('availableReplicas') or 0} of {status.get('replicas') or 0} available"
    )
