"""Bring a version into service on Kubernetes: write one annotation of a Deployment, and watch its pods be replaced.

All that the account of a run may do to it is get and patch, so the watch is a poll of the Deployment's own status, by
the rules of ``kubectl rollout status``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Self

from bundle.vocabulary import VERSION_ANNOTATION
from pipelines.config.settings import Settings
from pipelines.console import console
from pipelines.errors import RegistryFailure, RolloutFailed
from pipelines.promotion.kubernetes_api import CALL_SECONDS, FIELD_MANAGER, Resource, connect, patiently
from pipelines.promotion.lock import PromotionLock
from pipelines.promotion.rollout_progress import is_complete, is_stuck, limit_seconds, progress, wanted_pods

__all__ = ["KubernetesRollout"]

PAUSE_SECONDS = 2.0


class KubernetesRollout:
    """One Deployment, whose pods read the annotation as API_MODEL_VERSION."""

    def __init__(
        self,
        read: Callable[[], Resource],
        patch: Callable[[Resource], Resource],
        lock: PromotionLock,
        *,
        seconds_per_pod: float,
        without_pods: bool = False,
    ) -> None:
        """Use two calls to the Kubernetes API, and write only while the lock is held; ``connect`` makes the calls."""
        self._read, self._patch, self._lock = read, patch, lock
        self._seconds_per_pod, self._without_pods = seconds_per_pod, without_pods

    @classmethod
    def connect(cls, settings: Settings, lock: PromotionLock) -> Self:
        """Talk to the cluster that this pod runs in, or to the one of the kubeconfig.

        Raises:
            InvalidParams: there is no cluster to talk to.
        """
        from kubernetes import client

        api, name, namespace = client.AppsV1Api(connect()), settings.deployment, settings.namespace

        def read() -> Resource:
            found = api.read_namespaced_deployment(name, namespace, _request_timeout=CALL_SECONDS)
            return dict(api.api_client.sanitize_for_serialization(found))

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
        """Write the annotation, and wait until every pod has it, the time is up, or Kubernetes gives up."""
        deployment = self._annotate(number)
        generation = deployment["metadata"]["generation"]
        began, told, limit = time.monotonic(), "", math.inf
        while time.monotonic() - began < limit:
            self._expect_pods(deployment, number)
            self._lock.check()
            deployment = self._read()
            self._expect_annotation(deployment, number)
            if deployment.get("status", {}).get("observedGeneration", 0) >= generation:
                if is_complete(deployment, without_pods=self._without_pods):
                    return True
                if is_stuck(deployment):
                    break
            limit = limit_seconds(deployment, self._seconds_per_pod)  # anew: an autoscaler may have added pods
            if told != (told := f"{progress(deployment)}; at most {limit:.0f} s in all"):
                console.print(f"rollout of version {number}: {told}")
            time.sleep(PAUSE_SECONDS)
        console.print(f"rollout of version {number}: given up; the logs of its pods say why")
        return False

    def go_back(self, number: str | None) -> None:
        """Write the champion's number again; without a champion, none, as before the first training."""
        self._annotate(number)

    def _annotate(self, number: str | None) -> Resource:
        self._lock.check()
        # A merge patch: of a field that is null nothing is left, and no other field is touched.
        return self._patch({"spec": {"template": {"metadata": {"annotations": {VERSION_ANNOTATION: number}}}}})

    def _expect_pods(self, deployment: Resource, number: str) -> None:
        if wanted_pods(deployment) == 0 and not self._without_pods:
            raise RolloutFailed(
                f"the API's Deployment is scaled to 0, so no pod can prove that version {number} can be served; scale "
                "it to 1 or more and train again, or set PIPELINE_ROLLOUT_WITHOUT_PODS=true to promote without a proof"
            )

    @staticmethod
    def _expect_annotation(deployment: Resource, number: str) -> None:
        found = deployment["spec"]["template"]["metadata"].get("annotations") or {}
        now = found.get(VERSION_ANNOTATION)
        if now != number:
            raise RegistryFailure(
                f"another run brought in version {now or 'of the alias'} while version {number} was coming up; "
                "train again to compare with what it left"
            )
