"""A run that is killed and applied again ends in the same state as one that was not killed."""

import json
import time
from copy import deepcopy

import pytest

from bundle.vocabulary import BUNDLE_TAG, COMPLETE, UPLOADING
from tests.e2e.platform import RELEASE, ROOT

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 600
HOOK = "stop-hook"


def wait_for(what, condition, pause=0.5):
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"timed out waiting for {what}"
        time.sleep(pause)


@pytest.fixture(scope="module")
def before(platform, first_champion):
    return platform.registry()


@pytest.fixture(scope="module")
def runs_before(platform, before):
    return platform.runs()


@pytest.fixture(scope="module")
def run(platform, before, runs_before):
    """A training Job whose model passes the gate."""
    return platform.training_job("killed", rounds=80)


def start(platform, run):
    platform.kube.apply(run)
    name = run["metadata"]["name"]
    wait_for("a pod", lambda: platform.log(name) != "")
    return name


def kill_before(platform, run, write):
    """Start the Job, and kill its pod before it does this write, a regular expression for tests/e2e/stop_hook."""
    hook = {"sitecustomize.py": (ROOT / "tests/e2e/stop_hook/sitecustomize.py").read_text()}
    platform.kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": HOOK}, "data": hook})
    stopping = deepcopy(run)
    pod = stopping["spec"]["template"]["spec"]
    pod["volumes"].append({"name": HOOK, "configMap": {"name": HOOK}})
    for container in (*pod["initContainers"], *pod["containers"]):
        container["volumeMounts"].append({"name": HOOK, "mountPath": "/hook", "readOnly": True})
        variables = {"PYTHONPATH": "/hook:/opt/code", "TEST_STOP_BEFORE": write}  # the image's own, and the hook
        container["env"] = [*container.get("env", []), *({"name": n, "value": v} for n, v in variables.items())]
    name = start(platform, stopping)
    wait_for(write, lambda: "stopped before" in platform.log(name))
    platform.kill(name)


def assert_champion_serves(platform, before):
    assert platform.registry().aliases == before.aliases
    assert platform.annotation() == before.aliases["champion"]
    assert platform.version() == before.aliases["champion"]


def test_killed_while_fetching(platform, before, runs_before, run):
    kill_before(platform, run, r"rename .*/raw/flights\.csv\.part")

    assert platform.registry() == before
    assert platform.runs() == runs_before, "nothing is in MLflow before it trains"
    assert_champion_serves(platform, before)


def test_killed_while_training(platform, before, run):
    name = start(platform, run)
    wait_for("the first trees", lambda: "boosting" in platform.log(name))
    platform.kill(name)

    assert platform.registry() == before
    assert platform.version() == before.aliases["champion"]


def test_killed_while_the_evaluation_is_logged(platform, before, run):
    kill_before(platform, run, r"PUT .*/artifacts/plots/")

    assert platform.registry() == before
    assert_champion_serves(platform, before)


def test_killed_while_the_bundle_is_uploaded(platform, before, run):
    kill_before(platform, run, r"PUT .*/bundle/.*/model\.ubj")

    registry = platform.registry()
    (number,) = set(registry.versions) - set(before.versions)
    assert registry.versions[number][BUNDLE_TAG] == UPLOADING
    assert_champion_serves(platform, before)


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


def test_applied_again_it_ends_as_if_never_killed(platform, before, runs_before, run):
    platform.kube.apply(run)
    platform.wait_for_job(run["metadata"]["name"])
    platform.wait_until_settled()
    after = platform.registry()

    assert int(after.newest) == int(before.newest) + 1, "one version for all attempts"
    assert after.aliases == {"champion": after.newest, "previous": before.aliases["champion"]}
    assert after.versions[after.newest][BUNDLE_TAG] == COMPLETE
    assert after.versions[after.newest]["rollout"] == "complete"
    ended = [status for run_id, status in platform.runs().items() if run_id not in runs_before]
    assert ended[0] == "FINISHED"
    assert set(ended) <= {"FINISHED", "KILLED"}, "no run stays open"
    assert platform.annotation() == after.newest
    assert platform.version() == after.newest
