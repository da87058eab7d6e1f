"""The documentation site builds without a warning, and an opened page asks no other host for anything."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PAGES = ("*.md", "docs", "alerts", "charts/**/*.md", "dashboards/*.md", "charts/checkov.yaml", "mkdocs.yml")


def build(project, site):
    """Build the site as `make docs` does, and return exit code and output."""
    if importlib.util.find_spec("material") is None:
        reason = "mkdocs-material is not installed: this test did not run"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    code, output = build(ROOT, folder)
    assert code == 0, output
    return folder


@pytest.fixture
def project(tmp_path):
    """A copy of the pages, without the rest of the repository."""
    for path in {path for pattern in PAGES for path in ROOT.glob(pattern)}:
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(path, target) if path.is_dir() else shutil.copy(path, target)
    return tmp_path


def test_every_page_is_built(site):
    for page in [*(ROOT / "docs").rglob("*.md"), *(ROOT / "alerts/runbooks").glob("*.md")]:
        folder = ROOT / "docs" if page.is_relative_to(ROOT / "docs") else ROOT
        assert (site / page.relative_to(folder)).with_suffix(".html").exists(), page


def test_pages_load_nothing_from_another_host(site):
    for page in site.rglob("*.html"):
        text = page.read_text()
        assert not re.findall(r'<(?:script|img|iframe|source)[^>]* src="?(?:https?:)?//[^">]*', text), page
        assert not re.findall(r'<link[^>]* href="?(?:https?:)?//[^">]*', text), page
        assert 'class="mermaid"' not in text, "the theme loads mermaid from a CDN"
        assert 'data-md-component="source"' not in text, "the theme asks the code host for statistics"


def test_link_to_a_folder_leads_to_its_first_page(site):
    assert 'href="adr/0001-' in (site / "index.html").read_text()


def test_link_to_a_file_that_is_no_page_leads_to_the_repository(site):
    assert "/blob/main/charts/checkov.yaml" in (site / "security.html").read_text()


def test_blocks_of_commands_are_rendered(site):
    """A fence that is indented too little stays in the text."""
    assert [page.name for page in site.rglob("*.html") if "```" in page.read_text()] == []


def test_broken_links_and_forgotten_pages_fail_the_build(project, tmp_path):
    (project / "docs/forgotten.md").write_text("# Forgotten\n")
    with (project / "docs/security.md").open("a") as page:
        page.write("\n[broken](no-such-page.md), [moved](metrics.md#no-such-heading)\n")
    with (project / "alerts/README.md").open("a") as page:
        page.write("\n[broken too](../docs/no-such-page-either.md)\n")

    code, output = build(project, tmp_path / "site")

    assert code == 1
    assert "forgotten.md" in output
    assert "'no-such-page.md'" in output and "'metrics.md#no-such-heading'" in output
    assert "'../docs/no-such-page-either.md'" in output


def test_example_requests_have_the_same_row():
    (row,) = json.loads((ROOT / "docs/example-request.json").read_text())["rows"]
    inputs = json.loads((ROOT / "docs/example-inference-request.json").read_text())["inputs"]

    assert [(one["name"], one["shape"], one["data"]) for one in inputs] == [(name, [1], [row[name]]) for name in row]
