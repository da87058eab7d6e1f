"""Roll out a version on Kubernetes: write an annotation of a Deployment, and wait until its pods are replaced.

The service account of a run may only get and patch the Deployment, so this polls its status.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Self

from tenacity import Retrying, retry_if_result, wait_fixed

from bundle.vocabulary import VERSION_ANNOTATION
from pipelines.config.settings import Settings
from pipelines.console import console
from pipelines.errors import RegistryFailure, RolloutFailed
from pipelines.promotion.kubernetes_api import CALL_SECONDS, FIELD_MANAGER, Resource, connect, patiently
from pipelines.promotion.lock import PromotionLock
from pipelines.promotion.rollout_progress import desired_pods, is_complete, is_stuck, limit_seconds, progress

__all__ = ["KubernetesRollout"]

PAUSE_SECONDS = 2.0


class KubernetesRollout:
    """A Deployment whose pods read the annotation as API_MODEL_VERSION."""

    def __init__(
        self,
        read: Callable[[], Resource],
        patch: Callable[[Resource], Resource],
        lock: PromotionLock,
        *,
        seconds_per_pod: float,
        without_pods: bool = False,
    ) -> None:
        """Store two calls to the Kubernetes API; ``connect`` creates them. Writes need the lock."""
        self._read, self._patch, self._lock = read, patch, lock
        self._seconds_per_pod, self._without_pods = seconds_per_pod, without_pods

    @classmethod
    def connect(cls, settings: Settings, lock: PromotionLock) -> Self:
        """Connect to the cluster that this pod runs in, or to the one of the kubeconfig.

        Raises:
            InvalidParams: no cluster is configured.
        """
        from kubernetes import client

        api, name, namespace = client.AppsV1Api(connect()), settings.deployment, settings.namespace

        def read() -> Resource:
            deployment = api.read_namespaced_deployment(name, namespace, _request_timeout=CALL_SECONDS)
            return dict(api.api_client.sanitize_for_serialization(deployment))

        def patch(body: Resource) -> Resource:
            changed = api.patch_namespaced_deployment(
                name, namespace, body, field_manager=FIELD_MANAGER, _request_timeout=CALL_SECONDS
            )
            return dict(api.api_client.sanitize_for_serialization(changed))

        checked = "PIPELINE_DEPLOYMENT, PIPELINE_NAMESPACE"
        return cls(
            patiently(read, checked),
            patiently(patch, checked),
            lock,
            seconds_per_pod=settings.rollout_seconds_per_pod,
            without_pods=settings.rollout_without_pods,
        )

    def serve(self, number: str) -> bool:
        """Write the annotation; wait until every pod has it, the time limit passes, or Kubernetes gives up."""
        deployment = self._annotate(number)
        generation = deployment["metadata"]["generation"]
        limit, shown = math.inf, ""

        def outcome() -> bool | None:
            """Return None while the rollout is in progress."""
            nonlocal deployment, limit, shown
            self._expect_pods(deployment, number)
            self._lock.check()
            deployment = self._read()
            self._expect_annotation(deployment, number)
            if deployment.get("status", {}).get("observedGeneration", 0) >= generation:
                if is_complete(deployment, without_pods=self._without_pods):
                    return True
                if is_stuck(deployment):
                    return False
            limit = limit_seconds(deployment, self._seconds_per_pod)  # each time: an autoscaler may have added pods
            if shown != (shown := f"{progress(deployment)}; time limit {limit:.0f} s"):
                console.print(f"rollout of version {number}: {shown}")
            return None

        succeeded = Retrying(
            retry=retry_if_result(lambda result: result is None),
            stop=lambda state: (state.seconds_since_start or 0) >= limit,
            wait=wait_fixed(PAUSE_SECONDS),
            retry_error_callback=lambda _: False,
        )(outcome)
        if not succeeded:
            console.print(f"rollout of version {number}: failed; see the logs of its pods")
        return bool(succeeded)

    def go_back(self, number: str | None) -> None:
        """Write the number of the champion again; without a champion, remove the annotation."""
        self._annotate(number)

    def _annotate(self, number: str | None) -> Resource:
        self._lock.check()
        # A merge patch: null removes a field, and other fields are unchanged.
        return self._patch({"spec": {"template": {"metadata": {"annotations": {VERSION_ANNOTATION: number}}}}})

    def _expect_pods(self, deployment: Resource, number: str) -> None:
        if desired_pods(deployment) == 0 and not self._without_pods:
            raise RolloutFailed(
                f"the API's Deployment is scaled to 0, so no pod can prove that version {number} can be served. Scale "
                "it to 1 or more and train again, or set PIPELINE_ROLLOUT_WITHOUT_PODS=true to promote without proof"
            )

    @staticmethod
    def _expect_annotation(deployment: Resource, number: str) -> None:
        annotations = deployment["spec"]["template"]["metadata"].get("annotations") or {}
        current = annotations.get(VERSION_ANNOTATION)
        if current != number:
            raise RegistryFailure(
                f"another run rolled out {f'version {current}' if current else 'the champion'} during the rollout of "
                f"version {number}; train again to compare with the new champion"
            )
