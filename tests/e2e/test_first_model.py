"""From a release without a model to predictions over HTTPS, with the manifest that an operator applies."""

import os
import ssl

import httpx
import pytest

from espalier.cluster.release import wait_for_stores
from espalier.cluster.waiting import wait_until
from tests.e2e.platform import API, RELEASE, ROOT, ROW
from tests.e2e.registry import MODEL


@pytest.fixture(scope="module")
def without_model(installed, install):
    """The release before its first training run; models that an earlier module trained are deleted."""
    if not installed.kube.exists("deployment", f"{RELEASE}-api"):
        install()
        wait_for_stores(installed.kube, RELEASE)
    if installed.registry().versions:
        installed.remove_model()
    wait_until("API without a model", lambda: "" if started(installed) else "pods are starting", seconds=300)
    return installed


def containers(platform):
    pods = platform.kube.get("pods", "-l", API)["items"]
    return [status for pod in pods for status in pod["status"].get("containerStatuses", [])]


def started(platform):
    """Whether every pod has passed its startup probe: it asks whether the process is alive."""
    statuses = containers(platform)
    return bool(statuses) and all(status.get("started") for status in statuses)


def test_api_without_model_is_alive_and_not_ready(without_model):
    last_states = [container["lastState"] for container in containers(without_model)]
    exits = [state["terminated"] for state in last_states if "terminated" in state]

    assert without_model.deployment()["status"].get("readyReplicas", 0) == 0
    # StartError is the container runtime's: the process never ran.
    assert not [end for end in exits if end["reason"] != "StartError"], "the API exited instead of waiting"


def test_applied_training_job_makes_api_ready(without_model):
    """The file itself, with images on the nodes; the parameters come from the chart's value training.data.params."""
    if os.environ.get("E2E_REGISTRY"):
        pytest.skip("the file names images without a registry: its comments say what to change")
    installed = without_model
    installed.kube.kubectl("apply", "-f", str(ROOT / "manifests/training-job.yaml"))
    installed.wait_for_job(f"{RELEASE}-training")
    installed.wait_until_settled()

    registry = installed.registry()
    assert registry.aliases == {"champion": "1"}
    assert registry.versions["1"]["gate"] == "passed"
    assert registry.versions["1"]["rollout"] == "complete"
    assert installed.annotation() == "1"


def test_prediction_names_the_champion(platform):
    assert platform.version() == platform.registry().aliases["champion"]


def test_client_without_the_ca_refuses_the_certificate(platform):
    with httpx.Client(base_url=platform.url, verify=ssl.create_default_context()) as client:
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            client.get("/v1/model")


def test_prediction_without_token_is_unauthorized(platform):
    with platform.client() as client:
        answer = client.post("/v1/predict", json=ROW)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/metrics", "/docs", "/openapi.json", "/healthz", "/readyz", "/bundle", "/"])
def test_internal_path_is_not_published(platform, path):
    with platform.client() as client:
        assert client.get(path).status_code == 404


def test_helm_test_passes(platform):
    output = platform.kube.helm("test", RELEASE, "--logs", "--timeout", "180s")

    assert "Succeeded" in output
    assert f"serving {MODEL} version {platform.annotation()}" in output


def test_every_pod_passes_pod_security_restricted(platform):
    """The API server warns of every running pod that the level would refuse, and logs an event for a refused one."""
    command = "label --dry-run=server --overwrite namespace"
    level = ["pod-security.kubernetes.io/enforce=restricted", "pod-security.kubernetes.io/enforce-version=latest"]
    warnings = platform.warnings(*command.split(), platform.kube.namespace, *level)

    assert "Warning" not in warnings
    labels = platform.kube.get("namespace", platform.kube.namespace)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    failed = platform.kube.get("events", "--field-selector", "reason=FailedCreate")["items"]
    assert [event["message"] for event in failed if "PodSecurity" in event["message"]] == []


def test_helm_release_fits_into_a_secret(platform, note):
    """A Secret holds 1 MiB at most: all objects and values of a Helm release."""
    secrets = platform.kube.get("secrets", "-l", f"owner=helm,name={RELEASE}")["items"]
    size = max(len(secret["data"]["release"]) * 3 // 4 for secret in secrets)
    note(f"release Secret: {size / 1000:.0f} kB")

    assert size < 900_000
