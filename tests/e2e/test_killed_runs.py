"""A run that is killed and applied again ends where one that was not killed ends."""

import json
import time

import pytest

from tests.e2e.platform import RELEASE

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 600


def wait_for(what, true, pause=0.5):
    end = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(pause)


@pytest.fixture(scope="module")
def before(platform):
    platform.wait_until_settled()
    return platform.registry()


@pytest.fixture(scope="module")
def run(platform, before):
    """A run that will pass, however often it has to begin."""
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
    """Between the two halves: it has the lock, but may not change the Deployment, and leaves its challenger."""
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


def test_applied_again_it_ends_as_if_nothing_had_happened(platform, before, run):
    platform.kube.apply(run)
    platform.wait_for_job(run["metadata"]["name"])
    platform.wait_until_settled()
    after = platform.registry()

    assert int(after.newest) == int(before.newest) + 1, "one version, however many tries"
    assert after.aliases == {"champion": after.newest, "previous": before.aliases["champion"]}
    assert after.versions[after.newest]["rollout"] == "complete"
    assert platform.annotation() == after.newest
    assert platform.version() == after.newest
