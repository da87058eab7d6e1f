"""Bring a version into service on Kubernetes: write one annotation of a Deployment, and watch its pods be replaced.

All that the account of a run may do is get and patch this one Deployment, so the watch is a poll of the Deployment's
own status, by the rules of ``kubectl rollout status``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, ParamSpec, Self, TypeVar

from tenacity import RetryError, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from pipelines.errors import InvalidParams, RegistryFailure, Unreachable
from pipelines.settings import Settings
from pipelines.stage import console

__all__ = ["ANNOTATION", "KubernetesRollout", "is_complete", "is_stuck"]

ANNOTATION = "espalier.dev/model-version"
FIELD_MANAGER = "espalier-training"
PAUSE_SECONDS = 2.0
CALL_SECONDS = 10
ATTEMPTS = 6
PASSING = {0, HTTPStatus.TOO_MANY_REQUESTS}

P = ParamSpec("P")
R = TypeVar("R")
Deployment = dict[str, Any]
"""As the Kubernetes API writes it in JSON."""


class KubernetesRollout:
    """One Deployment, whose pods read the annotation as API_MODEL_VERSION."""

    def __init__(
        self, read: Callable[[], Deployment], patch: Callable[[Deployment], Deployment], timeout_seconds: float
    ) -> None:
        """Use two calls to the Kubernetes API; ``connect`` makes them."""
        self._read, self._patch, self._timeout = read, patch, timeout_seconds

    @classmethod
    def connect(cls, settings: Settings) -> Self:
        """Talk to the cluster that this pod runs in, or to the one of the kubeconfig.

        Raises:
            InvalidParams: there is no cluster to talk to.
        """
        from kubernetes import client, config

        try:
            if "KUBERNETES_SERVICE_HOST" in os.environ:
                config.load_incluster_config()  # type: ignore[no-untyped-call]
            else:
                config.load_kube_config(os.environ.get("KUBECONFIG"))  # type: ignore[no-untyped-call]
        except config.ConfigException as error:
            raise InvalidParams(f"PIPELINE_ROLLOUT is kubernetes, but no cluster is known here: {error}") from error
        api, name, namespace = client.AppsV1Api(), settings.deployment, settings.namespace

        def read() -> Deployment:
            found = api.read_namespaced_deployment(name, namespace, _request_timeout=CALL_SECONDS)
            return dict(api.api_client.sanitize_for_serialization(found))

        def patch(body: Deployment) -> Deployment:
            changed = api.patch_namespaced_deployment(
                name, namespace, body, field_manager=FIELD_MANAGER, _request_timeout=CALL_SECONDS
            )
            return dict(api.api_client.sanitize_for_serialization(changed))

        return cls(_patiently(read), _patiently(patch), settings.rollout_timeout_seconds)

    def serve(self, number: str) -> bool:
        """Write the annotation, and wait until every pod has it, the time is up, or Kubernetes gives up."""
        generation = self._annotate(number)["metadata"]["generation"]
        deadline, told = time.monotonic() + self._timeout, ""
        while time.monotonic() < deadline:
            deployment = self._read()
            now = _annotation(deployment)
            if now != number:
                raise RegistryFailure(
                    f"another run brought in version {now or 'of the alias'} while version {number} was coming up; "
                    "train again to compare with what it left"
                )
            if deployment.get("status", {}).get("observedGeneration", 0) >= generation:
                if is_complete(deployment):
                    return True
                if is_stuck(deployment):
                    break
            if told != (told := progress(deployment)):
                console.print(f"rollout of version {number}: {told}")
            time.sleep(PAUSE_SECONDS)
        console.print(f"rollout of version {number}: given up; the logs of its pods say why")
        return False

    def go_back(self, number: str | None) -> None:
        """Write the champion's number again; without a champion, none, as before the first training."""
        self._annotate(number)

    def _annotate(self, number: str | None) -> Deployment:
        # A merge patch: of a field that is null nothing is left, and no other field is touched.
        return self._patch({"spec": {"template": {"metadata": {"annotations": {ANNOTATION: number}}}}})


def is_complete(deployment: Deployment) -> bool:
    """Tell whether every wanted pod is a new one, and available, and no old one is left."""
    wanted, status = deployment["spec"].get("replicas", 1), deployment.get("status", {})
    pods = [status.get(name) or 0 for name in ("updatedReplicas", "replicas", "availableReplicas")]
    return bool(pods[0] >= wanted and pods[0] == pods[1] == pods[2])


def is_stuck(deployment: Deployment) -> bool:
    """Tell whether Kubernetes has given up: progressDeadlineSeconds passed without progress."""
    conditions = deployment.get("status", {}).get("conditions") or []
    return any(one["type"] == "Progressing" and one.get("reason") == "ProgressDeadlineExceeded" for one in conditions)


def progress(deployment: Deployment) -> str:
    """Say how far it is."""
    status = deployment.get("status", {})
    wanted = deployment["spec"].get("replicas", 1)
    return (
        f"{status.get('updatedReplicas') or 0} of {wanted} pods are new, {status.get('availableReplicas') or 0} of "
        f"{status.get('replicas') or 0} available"
    )


def _annotation(deployment: Deployment) -> str | None:
    found = deployment["spec"]["template"]["metadata"].get("annotations") or {}
    return found.get(ANNOTATION)


def _patiently(call: Callable[P, R]) -> Callable[P, R]:
    """Make a call again while the API server is away or busy; a refusal is final."""

    def patient(*args: P.args, **kwargs: P.kwargs) -> R:
        from kubernetes.client import ApiException

        retrying = Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential_jitter(initial=1, max=10),
        )
        try:
            return retrying(call, *args, **kwargs)
        except RetryError as error:
            reason = str(error.last_attempt.exception()).partition("\n")[0]
            raise Unreachable(f"the Kubernetes API did not answer within {ATTEMPTS} tries: {reason}") from error
        except ApiException as error:
            raise InvalidParams(
                f"Kubernetes refused ({error.status} {error.reason}); PIPELINE_DEPLOYMENT, PIPELINE_NAMESPACE and the "
                "account of this pod must fit the release"
            ) from error

    return patient


def _may_pass(error: BaseException) -> bool:
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    if isinstance(error, ApiException):
        return error.status in PASSING or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, HTTPError | OSError)
