"""What runbooks and docs tell people to look at is there: each command that reads is run as it is printed.

What changes something is run by the other modules here, and every command is held against the chart in
tests/contracts/test_documented_commands.py.
"""

import os
import re
import subprocess

import pytest

from tests.contracts.documented import OURS

READS = re.compile(
    r"(?:kubectl|helm) (?:-n espalier )?"
    r"(?:get|describe|logs|top|rollout status|history|list|exec (?:POD|espalier-\S+-0) )"
)
LEFT_OUT = re.compile(
    r" logs -f | --previous | > |…"  # no end; no container before this one; a file of the reader's
    r"|cert-?manager|certificate|orders|NODE|MONITORING|kube-state-metrics"  # not on every cluster, or elsewhere
    r"|job/(?!JOB)|prometheusrules,alertmanagerconfigs"  # a Job's own name; the operator's objects that are not used
)
COMMANDS = sorted({line for _page, line in OURS if READS.match(line) and not LEFT_OUT.search(line)})
CUT_SHORT = 141
"""Of a command whose reader has read enough: 128 and SIGPIPE."""


@pytest.fixture(scope="module")
def run(platform):
    """Run a line in a shell; give the exit code of its first command, and what was said."""
    pods, jobs = platform.api_pods(), platform.kube.get("jobs", "-l", "app.kubernetes.io/name=training")["items"]
    names = {
        "POD": sorted(pods)[0],
        "JOB": max(jobs, key=lambda job: job["metadata"]["creationTimestamp"])["metadata"]["name"],
    }
    environment = {**os.environ, **({"KUBECONFIG": platform.kube.kubeconfig} if platform.kube.kubeconfig else {})}

    def call(line):
        line = re.sub(r"-n espalier\b", f"-n {platform.kube.namespace}", line)
        for placeholder, name in names.items():
            line = re.sub(rf"\b{placeholder}\b", name, line)
        if platform.kube.context:
            line = re.sub(r"^kubectl", f"kubectl --context {platform.kube.context}", line)
            line = re.sub(r"^helm", f"helm --kube-context {platform.kube.context}", line)
        command = ["bash", "-c", f"{line}\nexit ${{PIPESTATUS[0]}}"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)

    return call


def test_most_of_what_reads_is_run():
    assert len(COMMANDS) > 60


@pytest.mark.parametrize("line", COMMANDS)
def test_command_that_reads_works_as_it_is_printed(run, line):
    done = run(line)

    assert done.returncode in (0, CUT_SHORT), done.stderr
    assert "No resources found" not in done.stderr
