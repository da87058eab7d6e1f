"""What the API does without its neighbours: it serves."""

import pytest

from espalier.cluster.release import wait_for_stores
from tests.e2e.platform import RELEASE


@pytest.fixture
def outage(platform):
    """MLflow, PostgreSQL and S3 are away."""
    platform.wait_until_settled()
    workloads = [
        f"deployment/{RELEASE}-mlflow",
        f"statefulset/{RELEASE}-postgresql",
        f"statefulset/{RELEASE}-object-store",
    ]
    platform.kube.kubectl("scale", "--replicas=0", *workloads)
    pods = "app.kubernetes.io/name in (mlflow,postgresql,object-store)"
    platform.kube.kubectl("wait", "--for=delete", "pod", "-l", pods, "--timeout=120s")
    yield
    platform.kube.kubectl("scale", "--replicas=1", *workloads)
    wait_for_stores(platform.kube, RELEASE)


def test_new_pod_starts_and_serves_with_everything_else_down(platform, outage):
    version = platform.annotation()
    old = platform.api_pods()
    with platform.client() as client:
        assert client.get("/.well-known/jwks.json").status_code == 200
    platform.kube.kubectl("delete", "pod", old[0])
    platform.wait_until_settled()
    new = (set(platform.api_pods()) - set(old)).pop()

    log = platform.kube.kubectl("logs", new, "-c", "api")
    assert '"source": "peer"' in log
    assert version == platform.annotation()
