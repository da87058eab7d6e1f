"""One version: every other place that states it agrees with pyproject.toml."""

import re
import shutil
import subprocess
import sys
import tomllib

import pytest

from tests.small_project import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def versions(*arguments):
    command = [sys.executable, str(ROOT / ".ci/versions"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.fixture
def copy(tmp_path):
    for name in ("charts", "manifests"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("pyproject.toml", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_chart_and_manifests_have_the_project_version():
    assert versions() == (0, "")


@pytest.mark.parametrize(
    ("path", "old"),
    [
        ("charts/espalier/Chart.yaml", f"appVersion: {VERSION}"),
        ("charts/espalier/Chart.yaml", f"\nversion: {VERSION}"),
        ("charts/espalier/Chart.yaml", f"- name: training\n    version: {VERSION}"),
        (
            "charts/espalier/Chart.yaml",
            f"- name: common # a library: no objects\n    version: {VERSION}",
        ),
        ("charts/espalier/charts/training/Chart.yaml", f"\nversion: {VERSION}"),
        ("charts/espalier/charts/training/Chart.yaml", f"- name: common\n    version: {VERSION}"),
        ("charts/espalier/charts/common/Chart.yaml", f"\nversion: {VERSION}"),
        ("charts/espalier/charts/observability/Chart.yaml", f"appVersion: {VERSION}"),
        ("manifests/rollback-job.yaml", f"espalier/training:{VERSION}"),
    ],
)
def test_differing_version_is_reported_with_its_place(copy, path, old):
    text = (copy / path).read_text()
    assert old in text
    (copy / path).write_text(text.replace(old, old.replace(VERSION, "9.9.9"), 1))

    code, message = versions("--root", str(copy))

    assert code == 1
    assert path.partition("/charts/")[0] in message and "9.9.9" in message and VERSION in message


def test_tag_needs_matching_version_and_dated_heading(copy):
    changelog = copy / "CHANGELOG.md"
    changelog.write_text(re.sub(rf"^## \[{re.escape(VERSION)}\].*$", "", changelog.read_text(), flags=re.M))
    code, message = versions("--root", str(copy), "--tag", f"v{VERSION}")
    assert code == 1 and f"no heading '## [{VERSION}] - YYYY-MM-DD'" in message

    changelog.write_text(f"# Changelog\n\n## [{VERSION}] - 2026-12-01\n")

    assert versions("--root", str(copy), "--tag", f"v{VERSION}") == (0, "")
    assert versions("--root", str(copy), "--tag", "v9.9.9")[0] == 1
    assert versions("--root", str(copy), "--tag", VERSION)[0] == 1
