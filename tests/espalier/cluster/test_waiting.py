import json

import pytest

from espalier.cluster import waiting
from espalier.cluster.errors import ClusterError, CommandRefused, TimedOut
from espalier.cluster.waiting import wait_for_job, wait_for_rollout, wait_until


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(waiting, "PAUSE_SECONDS", 0.01)


def test_waiting_ends_when_nothing_is_missing(capfd):
    answers = iter(["one more", "", "never asked"])
    wait_until("the thing", lambda: next(answers), seconds=30)

    assert next(answers) == "never asked"
    assert "the thing: 0 s" in capfd.readouterr().err


def test_waiting_gives_up_with_what_was_missing_and_how_to_see_more():
    with pytest.raises(TimedOut, match=r"(?s)the thing took longer than 0 s: two pods.*see: kubectl get it"):
        wait_until("the thing", lambda: "two pods", seconds=0.05, hint="kubectl get it")


def test_busy_api_server_is_asked_again():
    answers = iter([CommandRefused("busy"), ""])

    def probe():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    wait_until("the thing", probe, seconds=30)


def workload(**status):
    return json.dumps({"metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": status})


DONE = {"observedGeneration": 2, "updatedReplicas": 2, "readyReplicas": 2, "replicas": 2}


def test_rollout_is_over_when_every_pod_is_new_and_ready(tools, kube):
    tools.answer({"deployment api": (0, workload(**DONE))})

    wait_for_rollout(kube, "deployment", "api", seconds=30)


@pytest.mark.parametrize("change", [{"observedGeneration": 1}, {"readyReplicas": 1}, {"replicas": 3}])
def test_rollout_is_not_over_before(tools, kube, change):
    tools.answer({"deployment api": (0, workload(**DONE | change))})

    with pytest.raises(TimedOut, match="of 2 pods ready"):
        wait_for_rollout(kube, "deployment", "api", seconds=0.3)


def job(kind):
    return json.dumps({"status": {"conditions": [{"type": kind, "status": "True", "reason": "Why"}]}})


def test_job_is_over_when_complete(tools, kube):
    tools.answer({"get job train": (0, job("Complete"))})

    wait_for_job(kube, "train", seconds=30)


def test_failed_job_is_told_with_the_end_of_its_log(tools, kube):
    tools.answer({"get job train": (0, job("Failed")), "logs": (0, "no data\n")})

    with pytest.raises(ClusterError, match=r"(?s)failed \(Why\).*no data"):
        wait_for_job(kube, "train", seconds=30)
