"""Every command that a page prints exists, and RUN_BY names what runs it.

Commands are read from fenced sh blocks and from inline code, and compared with what they name: targets of the Makefile,
the parser of the command line, objects and values of the rendered chart, files. RUN_BY names the test or workflow that
runs a command for real. A command without an entry fails.
"""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from espalier.cli.main import app
from espalier.cluster.secrets import SECRETS
from tests.charts.rendering import CHART, EVERYTHING, VARIANTS, render
from tests.contracts.documented import ALL, OURS, PAGES, TOOLS
from tests.small_project import ROOT

RUN_BY = {
    "make setup": ".ci/run",
    "make s3-server": ".ci/run",
    "make alert-tools": ".ci/run",
    "make test-release": ".github/workflows/e2e.yml",
    "make release-tools": ".github/workflows/e2e.yml",
    "make test": ".ci/run",
    "make coverage": ".github/workflows/test.yml",
    "make e2e-all": ".github/workflows/e2e.yml",
    "make e2e": ".ci/run",
    "make fmt": ".ci/run",
    "make lint": ".ci/run",
    "make demo": "tests/demo/test_demo.py",
    "make train": "tests/espalier/cli/test_commands.py",
    "make serve": "tests/demo/test_demo.py",
    "make load": "tests/espalier/cli/test_load.py",
    "make bench": ".ci/run",
    ".venv/bin/python -m benchmarks.overload": "tests/benchmarks/test_overload.py",
    ".venv/bin/python -m benchmarks.soak": "tests/benchmarks/soak/test_main.py",
    ".venv/bin/python -m benchmarks.scoring": "tests/benchmarks/test_scoring.py",
    "make up": "tests/e2e/conftest.py",
    "make down": "tests/espalier/cluster/test_kind.py",
    "make secrets": "tests/espalier/cluster/test_secrets.py",
    "make images": "tests/espalier/cluster/test_images.py",
    "make dependencies": "tests/espalier/cluster/test_charts.py",
    "make audit": ".github/workflows/audit.yml",
    "make audit-tools": ".github/workflows/audit.yml",
    "make test-audit": ".github/workflows/audit.yml",
    "make workflows": ".github/workflows/test.yml",
    "make docs": "tests/contracts/test_docs.py",
    "make lock": "tests/ci/test_lock.py",
    "make help": "tests/contracts/test_makefile.py",
    "make clean": "tests/contracts/test_makefile.py",
    "make reset": "tests/contracts/test_makefile.py",
    "make replay-alerts": "tests/alerts/replay.py",
    "make mutants": ".github/workflows/mutants.yml",
    "make test-kills": ".github/workflows/mutants.yml",
    "make deploy": "tests/espalier/cluster/test_deploy.py",
    "make chart-linter": ".ci/run",
    "make inference-clients": ".ci/run",
    "espalier init": "tests/espalier/cli/test_init.py",
    "espalier data report": "tests/espalier/cli/test_report.py",
    "espalier demo --project": "tests/demo/test_projects.py",
    "espalier": "tests/espalier/cli/test_commands.py",
    "kubectl": "tests/e2e/test_documented_commands.py",
    "helm": "tests/e2e/test_documented_commands.py",
}
"""Beginning of a command → the file that runs it, or a command that does the same."""


def of(tool):
    return [pytest.param(page, line, id=f"{page.stem}: {line[:80]}") for page, line in OURS if line.split()[0] == tool]


def words(line):
    """Return the words of the first command of a line."""
    return shlex.split(
        re.split(r" \| | > | >> | && |; ", line)[0].replace("…", "").replace("$(", "(").replace("'", '"')
    )


def test_pages_print_commands():
    assert len(PAGES) > 40
    assert {line.split()[0] for _page, line in OURS} == set(TOOLS)


def test_every_command_has_a_runner():
    unknown = {(page.name, line) for page, line in ALL if not any(line.startswith(start) for start in RUN_BY)}

    assert not unknown, "add what runs it to RUN_BY, or the other project's command to NOT_OURS"
    assert all((ROOT / where).exists() for where in RUN_BY.values())


@pytest.mark.parametrize("path", sorted({path for path in RUN_BY.values() if path.startswith(".github/")}))
def test_workflow_runs_its_commands(path):
    jobs = yaml.safe_load((ROOT / path).read_text())["jobs"].values()
    run = [step.get("run", "") for job in jobs for step in job["steps"]]

    for command in (command for command, where in RUN_BY.items() if where == path):
        assert any(line == command or line.startswith(f"{command} ") for line in run), command


def test_every_runner_has_a_printed_command():
    printed = [line for _page, line in ALL]

    assert [start for start in RUN_BY if not any(line.startswith(start) for line in printed)] == []


@pytest.mark.parametrize(("page", "line"), of("make"))
def test_make_targets_exist(page, line):
    targets = set(re.findall(r"^([a-z0-9-]+):.*##", (ROOT / "Makefile").read_text(), re.M))
    named = [word for word in words(line)[1:] if "=" not in word and re.fullmatch(r"[a-z0-9-]+", word)]

    assert named and set(named) <= targets


@pytest.mark.parametrize(("page", "line"), of("espalier"))
def test_command_line_accepts_printed_arguments(page, line):
    command, arguments = get_command(app), [word for word in words(line)[1:] if word]
    while arguments and hasattr(command, "commands") and arguments[0] in command.commands:
        command = command.commands[arguments.pop(0)]
    if arguments and arguments[0].isalpha() and hasattr(command, "commands"):
        pytest.fail(f"{command.name} has no command {arguments[0]}")

    _, rest, _ = command.make_parser(command.context_class(command)).parse_args(arguments)
    assert rest in ([], [""])


@pytest.fixture(scope="module")
def names():
    """All names in a release called espalier, with those that Kubernetes and operators derive from them."""
    result = {item["metadata"]["name"] for variant in (*VARIANTS.values(), (EVERYTHING,)) for item in render(*variant)}
    result |= {f"espalier-{name}" for name in SECRETS}
    result |= {f"espalier-{part}-0" for part in ("postgresql", "object-store")}
    result |= {f"data-espalier-{part}-0" for part in ("postgresql", "object-store")}
    result |= {
        item["metadata"]["name"] for item in map(yaml.safe_load, map(Path.read_text, (ROOT / "manifests").iterdir()))
    }
    return result | {"espalier-grafana", "espalier-prometheus", "espalier-alertmanager"}  # kube-prometheus-stack's


@pytest.mark.parametrize(("page", "line"), of("kubectl"))
def test_kubectl_logs_names_one_namespace(page, line):
    assert not re.match(r"kubectl logs (.* )?(-A|--all-namespaces)\b", line), "kubectl logs has no such option"


@pytest.mark.parametrize(("page", "line"), of("kubectl"))
def test_kubectl_objects_exist(page, line, names):
    for name in re.findall(r"(?<![\w./-])((?:data-)?espalier-[a-z0-9-]+)", line.replace("/", " ")):
        assert name in names or any(known.startswith(name) for known in names), name
    for file in re.findall(r"(?:-f|--filename)[ =](\S+\.ya?ml)", line):
        assert (ROOT / file).exists() or file.startswith("my-"), file


@pytest.mark.parametrize(("page", "line"), of("helm"))
def test_helm_values_exist(page, line):
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for path in re.findall(r"--set(?:-file|-json|-string)?[ =]([A-Za-z-]+(?:\.[A-Za-z-]+)+)=", line):
        part, *rest = path.split(".")
        own = CHART / "charts" / part / "values.yaml"
        place = yaml.safe_load(own.read_text()) if own.exists() else values[part]
        for key in rest:
            assert key in place, path
            place = place[key]
