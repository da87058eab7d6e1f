"""A rejected model changes nothing; a model that passes the gate but cannot be served is rolled back."""

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
    registry = platform.registry()

    assert state(platform) == before
    assert registry.versions[registry.newest]["gate"] == "rejected"
    assert "rejected by the gate" in platform.log("training-worse")


@pytest.fixture
def foreign_key(platform, tmp_path):
    """A copy of the trainer's Secret with a signing key that training trusts and the API does not."""
    private, _public = write_key_pair(tmp_path, "model")
    secret = platform.kube.get("secret", f"{RELEASE}-training")
    data = secret["data"] | {"model.key.pem": base64.b64encode(private.read_bytes()).decode()}
    platform.kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "foreign-key"}, "data": data})
    yield "foreign-key"
    platform.kube.kubectl("delete", "secret", "foreign-key")


@pytest.mark.slow
def test_bundle_refused_by_the_api_is_rolled_back(platform, first_champion, foreign_key):
    aliases, annotation, _template = state(platform)
    job = platform.training_job("foreign", rounds=60, secret=foreign_key)
    platform.kube.apply(job)
    with pytest.raises(ClusterError, match="failed"):
        platform.wait_for_job("training-foreign")
    platform.wait_until_settled()
    registry = platform.registry()

    assert registry.aliases == aliases
    assert registry.versions[registry.newest]["gate"] == "passed"
    assert registry.versions[registry.newest]["rollout"] == "failed"
    assert platform.annotation() == annotation
    assert platform.version() == annotation
    pods = platform.kube.get("pods", "-l", "batch.kubernetes.io/job-name=training-foreign")["items"]
    codes = [pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] for pod in pods]
    assert codes == [8], "the exit code of a failed rollout, and no second try"
