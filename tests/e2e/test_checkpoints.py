"""A training run whose pod is killed goes on, in the next pod, from the checkpoint on the release's claim."""

import re

import pytest

from espalier.cluster.waiting import wait_until

pytestmark = pytest.mark.slow

ROUNDS = 600
PATIENCE_SECONDS = 600


@pytest.fixture(scope="module")
def checkpoints(platform, first_champion, install):
    install("training.checkpoints.enabled=true", "training.checkpoints.seconds=1")
    yield
    install()
    platform.wait_until_settled()


def boosted(log):
    """Return the last round in the log."""
    return max((int(number) for number in re.findall(rf"boosting (\d+)/{ROUNDS}", log)), default=0)


def test_next_pod_goes_on_from_the_checkpoint(platform, checkpoints):
    before = platform.registry()
    job = platform.training_job("checkpoints", rounds=ROUNDS)
    name = job["metadata"]["name"]
    platform.kube.apply(job)

    def early():
        return "" if boosted(platform.log(name)) >= ROUNDS // 10 else "not yet"

    wait_until("a tenth of the rounds", early, seconds=PATIENCE_SECONDS)
    assert boosted(platform.log(name)) < ROUNDS
    platform.kill(name)
    assert platform.registry() == before

    platform.kube.apply(job)
    platform.wait_for_job(name)

    log = " ".join(platform.log(name).split())
    found = re.search(rf"goes on after round (\d+) of {ROUNDS}, from /checkpoints/", log)
    assert found and int(found[1]) >= ROUNDS // 20, log
    assert platform.registry().newest != before.newest
