"""The API serves without its dependencies."""

import pytest

from espalier.cluster.release import wait_for_stores
from tests.e2e.platform import RELEASE, ROW


@pytest.fixture
def outage(platform):
    """MLflow, PostgreSQL and S3 are unavailable."""
    workloads = [
        f"deployment/{RELEASE}-mlflow",
        f"statefulset/{RELEASE}-postgresql",
        f"statefulset/{RELEASE}-object-store",
    ]
    pods = "app.kubernetes.io/name in (mlflow,postgresql,object-store)"
    try:
        platform.kube.kubectl("scale", "--replicas=0", *workloads)
        platform.kube.kubectl("wait", "--for=delete", "pod", "-l", pods, "--timeout=120s")
        yield
    finally:
        platform.kube.kubectl("scale", "--replicas=1", *workloads)
        wait_for_stores(platform.kube, RELEASE)


@pytest.fixture
def token(platform):
    """Issued while the database is up; the API verifies it with its key alone."""
    return platform.token()


@pytest.mark.slow
def test_new_pod_starts_and_serves_in_an_outage(platform, token, outage):
    version = platform.annotation()
    old = platform.api_pods()
    platform.kube.kubectl("delete", "pod", old[0])
    platform.wait_until_settled()
    (new,) = set(platform.api_pods()) - set(old)
    answers = [predict(platform, token, f"outage-{number}") for number in range(20)]
    log = platform.kube.kubectl("logs", new, "-c", "api")

    assert '"source":"peer"' in log
    assert [(answer.status_code, answer.json()["model"]["version"]) for answer in answers] == [(200, version)] * 20
    assert '"request_id":"outage-' in log, "the new pod answered none of the requests"


def predict(platform, token, request_id):
    headers = {"authorization": f"Bearer {token}", "x-request-id": request_id}
    with platform.client() as client:
        return client.post("/v1/predict", json=ROW, headers=headers)
