"""Rules for the workflows; `make workflows` checks the rest with zizmor and actionlint."""

import re
import tomllib

import pytest
import yaml

from tests.mutation.__main__ import KINDS
from tests.small_project import ROOT

FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
WRITES = {
    ("release.yml", "build"): {"packages"},
    ("release.yml", "publish"): {"packages", "id-token"},
    ("deploy.yml", "deploy"): {"id-token"},
}
"""Jobs with write permissions, and which."""


def load(path):
    return yaml.safe_load(path.read_text())


def jobs():
    for path in FILES:
        for name, job in load(path)["jobs"].items():
            yield path.name, name, job


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_workflow_grants_no_default_permission(path):
    assert load(path)["permissions"] == {}


def test_write_permissions_are_known():
    granted = {}
    for file, name, job in jobs():
        writes = {right for right, level in job["permissions"].items() if level == "write"}
        if writes:
            granted[file, name] = writes

    assert granted == WRITES


def test_job_that_can_write_runs_no_tests():
    for file, name, job in jobs():
        commands = [step.get("run", "") for step in job["steps"]]
        if (file, name) in WRITES:
            assert not [command for command in commands if re.search(r"make (test|e2e|lint)", command)], (file, name)


def test_publish_needs_every_test_of_the_same_digests():
    jobs = load(ROOT / ".github/workflows/release.yml")["jobs"]

    assert set(jobs["publish"]["needs"]) == {"test", "build", "e2e"}
    assert jobs["e2e"]["env"]["E2E_IMAGES"] == "given"
    pulled = next(step for step in jobs["e2e"]["steps"] if step.get("run") == ".ci/release pull")
    assert pulled["env"] == jobs["publish"]["env"]


def test_images_of_a_release_are_built_once():
    jobs = load(ROOT / ".github/workflows/release.yml")["jobs"]
    building = [
        name
        for name, job in jobs.items()
        if any(re.search(r"make images|docker build", step.get("run", "")) for step in job["steps"])
    ]

    assert building == ["build"]


def test_deployment_verifies_first_and_runs_the_tagged_code():
    steps = load(ROOT / ".github/workflows/deploy.yml")["jobs"]["deploy"]["steps"]
    commands = [step.get("run", "").partition(' "')[0] for step in steps]

    assert steps[0]["with"]["ref"] == "refs/tags/v${{ inputs.version }}"
    assert commands.index(".ci/release verify") < commands.index(".ci/oidc-kubeconfig") < commands.index("make deploy")
    assert "secrets.KUBECONFIG" not in str(steps)
    assert steps[-1]["env"]["CHART"] == "dist/espalier-${{ inputs.version }}.tgz"
    assert steps[-1]["env"]["VALUES"].endswith(":dist/digests.yaml")


def test_every_published_image_has_an_sbom_and_a_scan():
    steps = load(ROOT / ".github/workflows/release.yml")["jobs"]["publish"]["steps"]
    before = steps[: [step.get("run") for step in steps].index(".ci/release publish")]
    scanned = [step["with"]["image-ref"] for step in before if "trivy" in step.get("uses", "")]
    listed = {step["with"]["output-file"]: step["with"]["image"] for step in before if "sbom" in step.get("uses", "")}

    assert sorted(listed) == ["api.spdx.json", "mlflow.spdx.json", "training.spdx.json"]
    assert sorted(listed.values()) == sorted(scanned)
    for file, image in listed.items():
        part = file.partition(".")[0]
        assert image == f"${{{{ env.REGISTRY }}}}/espalier/{part}@${{{{ needs.build.outputs.{part} }}}}"


def test_workflows_use_the_tested_cosign():
    tested = re.search(r"cmd/cosign (v\S+)", (ROOT / ".ci/release-tools").read_text()).group(1)

    used = [step for _, _, job in jobs() for step in job["steps"] if "cosign-installer" in step.get("uses", "")]
    assert [step["with"] for step in used] == [{"cosign-release": tested}] * 2


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_actions_are_pinned_to_commits(path):
    lines = re.findall(r"uses: (.*)", path.read_text())
    assert lines
    for line in lines:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", line), line


def test_no_command_contains_an_expression():
    for file, name, job in jobs():
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), (file, name)


def test_every_supported_python_is_tested():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11"

    for file in ("test.yml", "release.yml"):
        matrix = load(ROOT / ".github/workflows" / file)["jobs"]["test"]["strategy"]["matrix"]
        assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]


def test_programs_of_tests_are_installed_before_the_tests():
    """With CI=true a test whose program is missing fails."""
    targets = set(re.findall(r"make \S+", (ROOT / ".ci/run").read_text().partition("make test")[0])) - {"make setup"}
    assert targets == {
        "make s3-server",
        "make alert-tools",
        "make chart-linter",
        "make bench-tools",
        "make inference-clients",
    }

    for file in ("test.yml", "release.yml"):
        commands = [step.get("run") for step in load(ROOT / ".github/workflows" / file)["jobs"]["test"]["steps"]]
        assert targets <= set(commands[: commands.index("make test")]), file


def test_new_versions_wait_a_week():
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]

    assert {update["package-ecosystem"] for update in updates} == {"github-actions", "docker", "uv"}
    assert all(update["cooldown"]["default-days"] == 7 for update in updates)


def test_mutants_of_every_kind_run_every_week():
    workflow = load(ROOT / ".github/workflows/mutants.yml")
    times = workflow[True]["schedule"]  # YAML 1.1 reads the key "on" as true

    assert [time["cron"].split()[2:4] for time in times] == [["*", "*"]]
    assert "workflow_dispatch" in workflow[True]
    job = workflow["jobs"]["mutants"]
    assert sorted(job["strategy"]["matrix"]["kind"]) == sorted(KINDS)
    assert job["steps"][-1] == {"run": 'make mutants MUTANTS="$KIND"', "env": {"KIND": "${{ matrix.kind }}"}}
    assert workflow["jobs"]["kills"]["steps"][-1] == {"run": "make test-kills"}
