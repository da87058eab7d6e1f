"""The connection to the Kubernetes API: which cluster, and how failed calls are retried."""

from __future__ import annotations

import os
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from tenacity import RetryError, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from pipelines.errors import InvalidParams, Unreachable

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

__all__ = ["CALL_SECONDS", "FIELD_MANAGER", "Resource", "connect", "is_temporary", "patiently", "with_retries"]

FIELD_MANAGER = "espalier-training"
CALL_SECONDS = 10
ATTEMPTS = 6
PASSING = {0, HTTPStatus.TOO_MANY_REQUESTS}

P = ParamSpec("P")
R = TypeVar("R")
Resource = dict[str, Any]
"""An object of the Kubernetes API, as JSON."""


def connect() -> ApiClient:
    """Connect to the cluster that this pod runs in, or to the one of the kubeconfig.

    Raises:
        InvalidParams: no cluster is configured.
    """
    from kubernetes import client, config

    try:
        if "KUBERNETES_SERVICE_HOST" in os.environ:
            config.load_incluster_config()  # type: ignore[no-untyped-call]
        else:
            config.load_kube_config(os.environ.get("KUBECONFIG"))  # type: ignore[no-untyped-call]
    except config.ConfigException as error:
        raise InvalidParams(f"PIPELINE_ROLLOUT is kubernetes, but no cluster is configured: {error}") from error
    return client.ApiClient()


def with_retries(call: Callable[P, R]) -> Callable[P, R]:
    """Retry a call while the API server is unavailable or busy; other errors are raised at once.

    Raises:
        Unreachable: it did not answer within the retry budget.
        ApiException: it rejected the call.
    """

    def retried(*args: P.args, **kwargs: P.kwargs) -> R:
        retrying = Retrying(
            retry=retry_if_exception(is_temporary),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential_jitter(initial=1, max=10),
        )
        try:
            return retrying(call, *args, **kwargs)
        except RetryError as error:
            reason = str(error.last_attempt.exception()).partition("\n")[0]
            raise Unreachable(f"the Kubernetes API did not answer within {ATTEMPTS} attempts: {reason}") from error

    return retried


def patiently(call: Callable[P, R], settings_to_check: str) -> Callable[P, R]:
    """Like ``with_retries``; a rejected call raises InvalidParams, which names the settings to check."""
    retried = with_retries(call)

    def patient(*args: P.args, **kwargs: P.kwargs) -> R:
        from kubernetes.client import ApiException

        try:
            return retried(*args, **kwargs)
        except ApiException as error:
            raise InvalidParams(
                f"Kubernetes rejected the call ({error.status} {error.reason}); check {settings_to_check} and the "
                "service account of this pod"
            ) from error

    return patient


def is_temporary(error: BaseException) -> bool:
    """Tell whether the same call may succeed later."""
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError

    if isinstance(error, ApiException):
        return error.status in PASSING or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return isinstance(error, HTTPError | OSError)
