"""How far a Deployment's rollout is, and how long it may take. Pure; an object as the Kubernetes API writes it."""

from __future__ import annotations

import math

from pipelines.promotion.kubernetes_api import Resource

__all__ = ["is_complete", "is_stuck", "limit_seconds", "progress", "wanted_pods"]

DEFAULT_SURGE = "25%"
DEFAULT_DEADLINE_SECONDS = 600
"""Kubernetes' own, where the Deployment names none."""


def wanted_pods(deployment: Resource) -> int:
    """Return spec.replicas, which is 1 where it is not set."""
    replicas = deployment["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def is_complete(deployment: Resource, *, without_pods: bool = False) -> bool:
    """Tell whether every wanted pod is a new one, and available, and no old one is left.

    Args:
        without_pods: no pod at all is enough where none is wanted.
    """
    status = deployment.get("status", {})
    new, all_, available = (status.get(name) or 0 for name in ("updatedReplicas", "replicas", "availableReplicas"))
    least = 0 if without_pods else 1
    return bool(new >= max(wanted_pods(deployment), least) and new == all_ == available)


def is_stuck(deployment: Resource) -> bool:
    """Tell whether Kubernetes has given up: progressDeadlineSeconds passed without progress."""
    conditions = deployment.get("status", {}).get("conditions") or []
    return any(one["type"] == "Progressing" and one.get("reason") == "ProgressDeadlineExceeded" for one in conditions)


def limit_seconds(deployment: Resource, seconds_per_pod: float) -> float:
    """Return how long the whole rollout may take.

    Pods come in groups of maxSurge, one group after another. A group may take ``seconds_per_pod`` until it is ready,
    and then minReadySeconds. progressDeadlineSeconds on top: a single group that does not come up is for Kubernetes to
    give up, which knows of each step; this limit is for rollouts that move on for ever.

    Args:
        seconds_per_pod: from the start of a new pod until it is ready.
    """
    spec = deployment["spec"]
    groups = math.ceil(max(wanted_pods(deployment), 1) / _surge(deployment))
    deadline = spec.get("progressDeadlineSeconds") or DEFAULT_DEADLINE_SECONDS
    return float(deadline + groups * (seconds_per_pod + (spec.get("minReadySeconds") or 0)))


def _surge(deployment: Resource) -> int:
    """Return how many pods come at once: maxSurge, of which Kubernetes rounds a percentage up."""
    rolling = (deployment["spec"].get("strategy") or {}).get("rollingUpdate") or {}
    surge = rolling.get("maxSurge", DEFAULT_SURGE)
    if isinstance(surge, str) and surge.endswith("%"):
        surge = math.ceil(wanted_pods(deployment) * int(surge[:-1]) / 100)
    return max(1, int(surge))


def progress(deployment: Resource) -> str:
    """Say how far it is."""
    status = deployment.get("status", {})
    return (
        f"{status.get('updatedReplicas') or 0} of {wanted_pods(deployment)} pods are new, "
        f"{status.get('availableReplicas') or 0} of {status.get('replicas') or 0} available"
    )
