"""Every command that a page prints is one that there is, and it is known what runs it.

Commands are read from fenced sh blocks and from inline code, and held against what they name: targets of the Makefile,
the parser of the command line, objects and values of the rendered chart, files. RUN_BY says which test runs one for
real. A command that fits no entry fails.
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
    "make test": ".ci/run",
    "make e2e-all": ".github/workflows/e2e.yml",
    "make e2e": ".ci/run",
    "make fmt": ".ci/run",
    "make lint": ".ci/run",
    "make demo": "tests/demo/test_demo.py",
    "make train": "tests/espalier/cli/test_commands.py",
    "make serve": "tests/demo/test_demo.py",
    "make load": "tests/espalier/cli/test_load.py",
    "make up": "tests/e2e/conftest.py",
    "make down": "tests/espalier/cluster/test_kind.py",
    "make secrets": "tests/espalier/cluster/test_secrets.py",
    "make images": "tests/espalier/cluster/test_images.py",
    "make dependencies": "tests/espalier/cluster/test_charts.py",
    "make audit": ".github/workflows/audit.yml",
    "make workflows": ".github/workflows/test.yml",
    "make docs": "tests/contracts/test_docs.py",
    "make lock": "tests/ci/test_lock.py",
    "make help": "tests/contracts/test_makefile.py",
    "make clean": "tests/contracts/test_makefile.py",
    "make reset": "tests/contracts/test_makefile.py",
    "make replay-alerts": "tests/alerts/replay.py",
    "make mutants": ".github/workflows/mutants.yml",
    "make deploy": "tests/espalier/cluster/test_deploy.py",
    "make chart-linter": ".ci/run",
    "espalier": "tests/espalier/cli/test_commands.py",
    "kubectl": "tests/e2e/test_documented_commands.py",
    "helm": "tests/e2e/test_documented_commands.py",
}
"""Command, by how it begins → the file that runs it, or what it does."""


def of(tool):
    return [pytest.param(page, line, id=f"{page.stem}: {line[:80]}") for page, line in OURS if line.split()[0] == tool]


def words(line):
    """What one command of a line is given; what is piped into others is theirs."""
    return shlex.split(
        re.split(r" \| | > | >> | && |; ", line)[0].replace("…", "").replace("$(", "(").replace("'", '"')
    )


def test_pages_print_commands():
    assert len(PAGES) > 40
    assert {line.split()[0] for _page, line in OURS} == set(TOOLS)


def test_it_is_known_what_runs_each_command():
    unknown = {(page.name, line) for page, line in ALL if not any(line.startswith(start) for start in RUN_BY)}

    assert not unknown, "say in RUN_BY what runs it, or in NOT_OURS that it is another project's"
    assert all((ROOT / where).exists() for where in RUN_BY.values())


def test_list_holds_no_command_that_no_page_prints():
    printed = [line for _page, line in ALL]

    assert [start for start in RUN_BY if not any(line.startswith(start) for line in printed)] == []


@pytest.mark.parametrize(("page", "line"), of("make"))
def test_targets_exist(page, line):
    targets = set(re.findall(r"^([a-z0-9-]+):.*##", (ROOT / "Makefile").read_text(), re.M))
    given = [word for word in words(line)[1:] if "=" not in word and re.fullmatch(r"[a-z0-9-]+", word)]

    assert given and set(given) <= targets


@pytest.mark.parametrize(("page", "line"), of("espalier"))
def test_command_line_takes_what_is_printed(page, line):
    command, arguments = get_command(app), [word for word in words(line)[1:] if word]
    while arguments and hasattr(command, "commands") and arguments[0] in command.commands:
        command = command.commands[arguments.pop(0)]
    if arguments and arguments[0].isalpha() and hasattr(command, "commands"):
        pytest.fail(f"{command.name} has no command {arguments[0]}")

    _, rest, _ = command.make_parser(command.context_class(command)).parse_args(arguments)
    assert rest in ([], [""])


@pytest.fixture(scope="module")
def names():
    """Every name in a release called espalier, and what Kubernetes and people make of them."""
    found = {one["metadata"]["name"] for variant in (*VARIANTS.values(), (EVERYTHING,)) for one in render(*variant)}
    found |= {f"espalier-{name}" for name in SECRETS}
    found |= {f"espalier-{part}-0" for part in ("postgresql", "object-store")}
    found |= {f"data-espalier-{part}-0" for part in ("postgresql", "object-store")}
    found |= {
        one["metadata"]["name"] for one in map(yaml.safe_load, map(Path.read_text, (ROOT / "manifests").iterdir()))
    }
    return found | {"espalier-grafana", "espalier-prometheus", "espalier-alertmanager"}  # kube-prometheus-stack's


@pytest.mark.parametrize(("page", "line"), of("kubectl"))
def test_logs_are_read_in_one_namespace(page, line):
    assert not re.match(r"kubectl logs (.* )?(-A|--all-namespaces)\b", line), "kubectl logs has no such option"


@pytest.mark.parametrize(("page", "line"), of("kubectl"))
def test_objects_that_kubectl_is_asked_for_exist(page, line, names):
    for name in re.findall(r"(?<![\w./-])((?:data-)?espalier-[a-z0-9-]+)", line.replace("/", " ")):
        assert name in names or any(one.startswith(name) for one in names), name
    for file in re.findall(r"(?:-f|--filename)[ =](\S+\.ya?ml)", line):
        assert (ROOT / file).exists() or file.startswith("my-"), file


@pytest.mark.parametrize(("page", "line"), of("helm"))
def test_values_that_helm_is_given_exist(page, line):
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for path in re.findall(r"--set(?:-file|-json|-string)?[ =]([A-Za-z-]+(?:\.[A-Za-z-]+)+)=", line):
        part, *rest = path.split(".")
        own = CHART / "charts" / part / "values.yaml"
        place = yaml.safe_load(own.read_text()) if own.exists() else values[part]
        for key in rest:
            assert key in place, path
            place = place[key]
