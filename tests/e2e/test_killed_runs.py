"""A run that is killed and applied again ends in the same state as one that was not killed."""

import json
import time

import pytest

from tests.e2e.platform import RELEASE

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 600


def wait_for(what, condition, pause=0.5):
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"timed out waiting for {what}"
        time.sleep(pause)


@pytest.fixture(scope="module")
def before(platform, first_champion):
    return platform.registry()


@pytest.fixture(scope="module")
def run(platform, before):
    """A training Job whose model passes the gate."""
    return platform.training_job("killed", rounds=80)


def start(platform, run):
    platform.kube.apply(run)
    name = run["metadata"]["name"]
    wait_for("a pod", lambda: platform.log(name) != "")
    return name


def test_killed_while_training(platform, before, run):
    name = start(platform, run)
    wait_for("the first trees", lambda: "boosting" in platform.log(name))
    platform.kill(name)

    assert platform.registry() == before
    assert platform.version() == before.aliases["champion"]


def test_killed_after_registering(platform, before, run):
    """It holds the lock but may not change the Deployment, so it is killed while its version is challenger."""
    role = platform.kube.get("role", f"{RELEASE}-training")["rules"]
    set_rules(platform, [rule for rule in role if "deployments" not in rule["resources"]])
    try:
        name = start(platform, run)
        wait_for("the challenger", lambda: "challenger" in platform.registry().aliases)
        platform.kill(name)
    finally:
        set_rules(platform, role)

    assert platform.registry().newest != before.newest
    assert platform.registry().aliases["champion"] == before.aliases["champion"]
    assert platform.annotation() == before.aliases["champion"]
    assert platform.version() == before.aliases["champion"]


def set_rules(platform, rules):
    platform.kube.kubectl("patch", "role", f"{RELEASE}-training", "--type=merge", "-p", json.dumps({"rules": rules}))


def test_killed_during_the_rollout(platform, before, run):
    name = start(platform, run)
    wait_for("the annotation", lambda: platform.annotation() != before.aliases["champion"], pause=0.2)
    platform.kill(name)

    assert platform.registry().aliases["champion"] == before.aliases["champion"]


def test_applied_again_it_ends_as_if_never_killed(platform, before, run):
    platform.kube.apply(run)
    platform.wait_for_job(run["metadata"]["name"])
    platform.wait_until_settled()
    after = platform.registry()

    assert int(after.newest) == int(before.newest) + 1, "one version for all attempts"
    assert after.aliases == {"champion": after.newest, "previous": before.aliases["champion"]}
    assert after.versions[after.newest]["rollout"] == "complete"
    assert platform.annotation() == after.newest
    assert platform.version() == after.newest
