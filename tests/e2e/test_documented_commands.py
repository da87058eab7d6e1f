"""Commands that runbooks and docs print work as they are printed.

Those that read are run as they are, ports are forwarded, restarts are done. What else changes something is checked by
the API server (``--dry-run=server``) and done by the other modules here.
"""

import os
import re
import subprocess
from threading import Timer

import pytest

from tests.contracts.documented import OURS

PREFIX = r"(?:kubectl|helm) (?:-n espalier )?"
READS = re.compile(PREFIX + r"(?:get|describe|logs|top|rollout status|history|list|exec (?:POD|espalier-\S+-0) )")
CHANGES = re.compile(
    PREFIX + r"(?:create job --from=\S+|scale|delete (?:pod|statefulset|namespace)|label|cordon|upgrade espalier) "
)
FORWARDS = re.compile(PREFIX + "port-forward ")
RESTARTS = re.compile(PREFIX + "rollout restart ")
LEFT_OUT = re.compile(
    r" --previous | > |…|<| logs -f (?!job/)"  # no container before this one; a file or a name of the reader's; no end
    r"|cert-?manager|certificate|orders|MONITORING|kube-state-metrics"  # not on every cluster, or elsewhere
    r"|persistence.size|espalier-grafana"  # refused until the StatefulSet is deleted; not in every release
    r"|\bjob/espalier-|prometheusrules,alertmanagerconfigs"  # a Job's own name; objects that are not used
)

CUT_SHORT = 141
"""Of a command whose reader has read enough: 128 and SIGPIPE."""


def printed(kind):
    return sorted({line for _page, line in OURS if kind.match(line) and not LEFT_OUT.search(line)})


@pytest.fixture(scope="module")
def fitted(platform):
    """Write a printed line for this release: its namespace and cluster, names that there are."""
    pods, jobs = platform.api_pods(), platform.kube.get("jobs", "-l", "app.kubernetes.io/name=training")["items"]
    names = {
        "POD": sorted(pods)[0],
        "JOB": max(jobs, key=lambda job: job["metadata"]["creationTimestamp"])["metadata"]["name"],
        "NODE": platform.kube.get("nodes")["items"][0]["metadata"]["name"],
    }

    def fit(line):
        line = re.sub(r"(-n|namespace) espalier\b", rf"\1 {platform.kube.namespace}", line)
        line = re.sub(r"\bjob/(run|train|rollback)-\w+", "job/JOB", line)
        line = line.replace("mine.csv.dvc", "flights.csv.dvc")
        for placeholder, name in names.items():
            line = re.sub(rf"\b{placeholder}\b", name, line)
        if platform.kube.context:
            line = re.sub(r"^kubectl", f"kubectl --context {platform.kube.context}", line)
            line = re.sub(r"^helm", f"helm --kube-context {platform.kube.context}", line)
        return line

    return fit


@pytest.fixture(scope="module")
def environment(platform):
    return {**os.environ, **({"KUBECONFIG": platform.kube.kubeconfig} if platform.kube.kubeconfig else {})}


@pytest.fixture(scope="module")
def run(fitted, environment):
    """Run a line in a shell; give the exit code of its first command, and what was said."""

    def call(line):
        command = ["bash", "-c", f"{fitted(line)}\nexit ${{PIPESTATUS[0]}}"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=180)

    return call


@pytest.mark.parametrize(("kind", "least"), [(READS, 80), (CHANGES, 15), (FORWARDS, 4), (RESTARTS, 2)])
def test_most_of_what_is_printed_is_run(kind, least):
    assert len(printed(kind)) >= least


@pytest.mark.parametrize("line", printed(READS))
def test_command_that_reads_works_as_it_is_printed(run, line):
    done = run(line)

    assert done.returncode in (0, CUT_SHORT), done.stderr
    assert "No resources found" not in done.stderr


@pytest.mark.parametrize("line", printed(CHANGES))
def test_command_that_changes_something_is_accepted_by_the_server(run, line):
    done = run(f"{line} --dry-run=server")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("line", printed(FORWARDS))
def test_port_is_forwarded(fitted, environment, line):
    process = subprocess.Popen(
        ["bash", "-c", f"exec {fitted(line)}"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    end = Timer(60, process.kill)
    end.start()
    try:
        said = process.stdout.readline()
    finally:
        process.kill()
        process.communicate()
        end.cancel()

    assert said.startswith("Forwarding from 127.0.0.1:"), said


@pytest.mark.parametrize("line", printed(RESTARTS))
def test_restart_ends_ready(run, line):
    assert run(line).returncode == 0
    done = run(line.replace("restart", "status") + " --timeout=150s")

    assert done.returncode == 0, done.stderr
