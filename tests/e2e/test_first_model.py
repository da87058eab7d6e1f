"""From an empty release to predictions over HTTPS, by the files that people apply."""

import os
import ssl

import httpx
import pytest

from tests.e2e.platform import API, MODEL, RELEASE, ROOT, ROW


def test_without_a_model_the_api_waits_alive_and_not_ready(installed):
    if installed.annotation():
        pytest.skip("a model was trained before this test: run the whole folder")

    status = installed.deployment()["status"]

    assert status.get("readyReplicas", 0) == 0
    pods = installed.kube.get("pods", "-l", API)["items"]
    containers = [one for pod in pods for one in pod["status"].get("containerStatuses", [])]
    ends = [one["lastState"]["terminated"] for one in containers if "terminated" in one["lastState"]]
    ours = [end for end in ends if end["reason"] != "StartError"]  # that is the container runtime's: it never ran
    assert containers and not ours, "waiting is no reason to end"


def test_training_job_that_people_apply_makes_it_ready(installed):
    """The file itself, with images on the nodes; what to train comes from the chart's value training.data.params."""
    if os.environ.get("E2E_REGISTRY"):
        pytest.skip("the file names images without a registry: its own lines say what to change")
    installed.kube.kubectl("apply", "-f", str(ROOT / "manifests/training-job.yaml"))
    installed.wait_for_job(f"{RELEASE}-training")
    installed.wait_until_settled()

    registry = installed.registry()
    assert registry.aliases == {"champion": "1"}
    assert registry.versions["1"]["gate"] == "passed"
    assert registry.versions["1"]["rollout"] == "complete"
    assert installed.annotation() == "1"


def test_prediction_over_https_is_of_the_promoted_version(platform):
    assert platform.version() == platform.registry().aliases["champion"]


def test_certificate_is_one_that_is_verified(platform):
    with httpx.Client(base_url=platform.url, verify=ssl.create_default_context()) as stranger:
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            stranger.get("/v1/model")


def test_without_a_token_nothing_is_predicted(platform):
    with platform.client() as client:
        answer = client.post("/v1/predict", json=ROW)

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/metrics", "/docs", "/openapi.json", "/healthz", "/readyz", "/bundle", "/"])
def test_nothing_but_the_api_is_reachable_from_outside(platform, path):
    with platform.client() as client:
        assert client.get(path).status_code == 404


def test_helm_test_passes(platform):
    said = platform.kube.helm("test", RELEASE, "--logs", "--timeout", "180s")

    assert "Succeeded" in said
    assert f"serving {MODEL} version {platform.annotation()}" in said


def test_every_pod_passes_pod_security_restricted(platform):
    """Asked of the cluster itself: it warns of every pod that the level would refuse."""
    command = "label --dry-run=server --overwrite namespace"
    level = ["pod-security.kubernetes.io/enforce=restricted", "pod-security.kubernetes.io/enforce-version=latest"]
    said = platform.warnings(*command.split(), platform.kube.namespace, *level)

    assert "Warning" not in said
    labels = platform.kube.get("namespace", platform.kube.namespace)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    refused = platform.kube.kubectl("get", "events", "--field-selector", "reason=FailedCreate", "-o", "name")
    assert refused.strip() == ""


def test_release_fits_its_secret(platform, note):
    """Kubernetes takes 1 MiB, all of a release's objects and values in it."""
    secrets = platform.kube.get("secrets", "-l", f"owner=helm,name={RELEASE}")["items"]
    size = max(len(secret["data"]["release"]) * 3 // 4 for secret in secrets)
    note(f"release Secret: {size / 1000:.0f} kB")

    assert size < 900_000
