"""What does not pass changes nothing; what passes but cannot be served is taken back."""

import base64

import pytest

from bundle import write_key_pair
from espalier.cluster.errors import ClusterError
from tests.e2e.platform import RELEASE


def state(platform):
    return platform.registry().aliases, platform.annotation(), platform.deployment()["spec"]["template"]


def test_rejected_model_changes_nothing(platform):
    before = state(platform)
    platform.train("worse", rounds=2, max_depth=1)
    newest = platform.registry()

    assert state(platform) == before
    assert newest.versions[newest.newest]["gate"] == "rejected"
    assert "rejected by the gate" in platform.log("training-worse")


@pytest.fixture
def foreign_key(platform, tmp_path):
    """The trainer's Secret with a signing key that the API does not know; training itself trusts it no less."""
    private, _public = write_key_pair(tmp_path, "model")
    secret = platform.kube.get("secret", f"{RELEASE}-training")
    data = secret["data"] | {"model.key.pem": base64.b64encode(private.read_bytes()).decode()}
    platform.kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "foreign-key"}, "data": data})
    return "foreign-key"


@pytest.mark.slow
def test_bundle_that_the_api_refuses_is_taken_back(platform, foreign_key):
    aliases, annotation, _template = state(platform)
    job = platform.training_job("foreign", rounds=60, secret=foreign_key)
    platform.kube.apply(job)
    with pytest.raises(ClusterError, match="failed"):
        platform.wait_for_job("training-foreign")
    platform.wait_until_settled()
    newest = platform.registry()

    assert newest.aliases == aliases
    assert newest.versions[newest.newest]["gate"] == "passed"
    assert newest.versions[newest.newest]["rollout"] == "failed"
    assert platform.annotation() == annotation
    assert platform.version() == annotation
    pods = platform.kube.get("pods", "-l", "batch.kubernetes.io/job-name=training-foreign")["items"]
    codes = [pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] for pod in pods]
    assert codes == [8], "the rollout's own exit code, and no second try"
