"""Commands that runbooks and docs print work as printed.

Commands that read, forward a port or restart are run. Other commands that change something are checked by the API
server (``--dry-run=server``); the other modules here do what they do.
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
    r" --previous | > |…|<| logs -f (?!job/)"  # no previous container; a file or name of the reader's; runs for ever
    r"|cert-?manager|certificate|orders|MONITORING|kube-state-metrics"  # not on every cluster, or elsewhere
    r"|persistence.size|espalier-grafana"  # refused until the StatefulSet is deleted; not in every release
    r"|\bjob/espalier-|prometheusrules,alertmanagerconfigs"  # a fixed Job name; objects that are not used
)

CUT_SHORT = 141
"""Exit code of a command whose reader closed the pipe: 128 and SIGPIPE."""


def printed(kind):
    return sorted({line for _page, line in OURS if kind.match(line) and not LEFT_OUT.search(line)})


@pytest.fixture(scope="module")
def fitted(platform, finished_run):
    """Return a function that writes a printed line for this release: its namespace, its cluster, existing names."""
    names = {
        "POD": sorted(platform.api_pods())[0],
        "JOB": finished_run,
        "NODE": platform.kube.get("nodes")["items"][0]["metadata"]["name"],
    }

    def fit(line):
        line = re.sub(r"(-n|namespace) espalier\b", rf"\1 {platform.kube.namespace}", line)
        line = re.sub(r"\bjob/(run|train|rollback|score)-\w+", "job/JOB", line)
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
    """Return a function that runs a line in a shell; its exit code is that of the line's first command."""

    def call(line):
        command = ["bash", "-c", f"{fitted(line)}\nexit ${{PIPESTATUS[0]}}"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=180)

    return call


KINDS = {"reads": (READS, 80), "changes": (CHANGES, 15), "forwards": (FORWARDS, 4), "restarts": (RESTARTS, 2)}


@pytest.mark.parametrize(("kind", "least"), KINDS.values(), ids=KINDS)
def test_most_printed_commands_are_tried(kind, least):
    assert len(printed(kind)) >= least


@pytest.mark.parametrize("line", printed(READS))
def test_reading_command_works(run, line):
    done = run(line)

    assert done.returncode in (0, CUT_SHORT), done.stderr
    assert "No resources found" not in done.stderr


@pytest.mark.parametrize("line", printed(CHANGES))
def test_changing_command_is_accepted(run, line):
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
        output = process.stdout.readline()
    finally:
        process.kill()
        process.communicate()
        end.cancel()

    assert output.startswith("Forwarding from 127.0.0.1:"), output


@pytest.mark.parametrize("line", printed(RESTARTS))
def test_restarted_deployment_becomes_ready(run, line):
    assert run(line).returncode == 0
    done = run(line.replace("restart", "status") + " --timeout=150s")

    assert done.returncode == 0, done.stderr
