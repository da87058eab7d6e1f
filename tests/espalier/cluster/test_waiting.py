import json
import re
from io import StringIO

import pytest
from rich.console import Console

from espalier.cluster import waiting
from espalier.cluster.errors import ClusterError, CommandRefused, TimedOut
from espalier.cluster.waiting import wait_for_job, wait_for_rollout, wait_until


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(waiting, "PAUSE_SECONDS", 0.01)


def test_waiting_stops_when_nothing_is_missing(capfd):
    answers = iter(["one more", "", "never asked"])
    wait_until("the thing", lambda: next(answers), seconds=30)

    assert next(answers) == "never asked"
    assert "the thing: 0 s" in capfd.readouterr().err


def test_timeout_message_names_what_is_missing_and_a_command():
    with pytest.raises(TimedOut, match=r"(?s)the thing took longer than 0 s: two pods.*see: kubectl get it"):
        wait_until("the thing", lambda: "two pods", seconds=0.05, hint="kubectl get it")


def test_probe_is_repeated_when_the_api_server_is_busy():
    answers = iter([CommandRefused("busy"), ""])

    def probe():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    wait_until("the thing", probe, seconds=30)


def test_rollout_is_followed_with_kubectl_rollout_status(tools, kube, capfd):
    tools.answer({"rollout status": (0, 'deployment "api" successfully rolled out\n')})

    wait_for_rollout(kube, "deployment", "api", seconds=30)

    (line,) = tools.lines()
    assert re.fullmatch(r"kubectl --namespace here --context there rollout status deployment/api --timeout=\d+s", line)
    assert "deployment api: 0 s" in capfd.readouterr().err


def test_output_of_kubectl_is_shown_while_the_rollout_runs(tools, kube, monkeypatch):
    tools.answer({"rollout status": (0, "Waiting: 1 of 2 new replicas\nsuccessfully rolled out\n")})
    terminal = StringIO()
    monkeypatch.setattr(waiting, "console", Console(file=terminal, force_terminal=True, width=120))

    wait_for_rollout(kube, "deployment", "api", seconds=30)

    assert "deployment api: successfully rolled out" in terminal.getvalue()


def test_failed_rollout_status_is_repeated_until_the_timeout(tools, kube):
    tools.answer({"rollout status": (1, "error: timed out waiting for the condition\n")})

    with pytest.raises(TimedOut, match=r"(?s)longer than 1 s.*timed out waiting.*describe deployment api"):
        wait_for_rollout(kube, "deployment", "api", seconds=1)
    assert len(tools.calls) > 1


def job(kind):
    return json.dumps({"status": {"conditions": [{"type": kind, "status": "True", "reason": "Why"}]}})


def test_complete_job_ends_the_waiting(tools, kube):
    tools.answer({"get job train": (0, job("Complete"))})

    wait_for_job(kube, "train", seconds=30)


def test_failed_job_is_reported_with_the_end_of_its_log(tools, kube):
    tools.answer({"get job train": (0, job("Failed")), "logs": (0, "no data\n")})

    with pytest.raises(ClusterError, match=r"(?s)failed \(Why\).*no data"):
        wait_for_job(kube, "train", seconds=30)
