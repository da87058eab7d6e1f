"""Every test and file that a page names exists, and every row of a table of claims names a test."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.contracts.documented import PAGES

ROOT = Path(__file__).parents[2]
CLAIMS = ("docs/security.md", "docs/what-happens-when-it-fails.md")
REFERENCE = re.compile(r"`(tests/[\w./-]*)?(?:::(test_\w+)(?:\[[^`]*\])?)?`")
FOLDERS = "alerts|bundle|charts|dashboards|docs|espalier|manifests|pipelines|services|tests|\\.ci|\\.github"
PATH = re.compile(rf"`((?:{FOLDERS})/[\w./-]+)`")
MADE_BY_RUNS = {
    ("0003-dvc-lock-is-a-result.md", "pipelines/dvc.lock"),
    ("projects.md", "pipelines/data/TABLE.csv"),  # of a project
    ("projects.md", "pipelines/work"),
    ("scale.md", "pipelines/work"),
    ("what-happens-when-it-fails.md", "pipelines/work/checkpoints"),
}
ROW = re.compile(r"^\|(.+)\|\s*$", re.M)


def references(text):
    """Yield the file and the test of each reference; `::name` alone is a test in the file named before it."""
    file = None
    for path, name in REFERENCE.findall(text):
        file = path or file
        if path or name:
            yield file, name


@cache
def functions_of(path):
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


ALL = sorted({(page, *reference) for page in PAGES for reference in references(page.read_text())}, key=str)


def claims(page):
    """Yield the rows of the tables whose last column is called "shown by"."""
    inside = False
    for line in (ROOT / page).read_text().splitlines():
        row = ROW.match(line)
        if not row:
            inside = False
            continue
        last = row[1].rpartition("|")[2].strip()
        if last == "shown by":
            inside = True
        elif inside and set(last) != {"-"}:
            yield line


def test_pages_name_tests():
    assert len(ALL) > 100


@pytest.mark.parametrize(("page", "file", "name"), ALL, ids=lambda value: getattr(value, "stem", str(value)))
def test_named_test_exists(page, file, name):
    path = ROOT / file

    assert path.exists(), f"{page.name} names {file}"
    assert not name or name in functions_of(path), f"{page.name} names {file}::{name}"


@pytest.mark.parametrize("page", CLAIMS)
def test_every_claim_names_a_test(page):
    rows = list(claims(page))

    assert len(rows) > 20
    assert [row for row in rows if not any(name for _file, name in references(row))] == []


def test_named_files_exist():
    named = {(page.name, path) for page in PAGES for path in PATH.findall(page.read_text())}

    assert len(named) > 50
    assert {(page, path) for page, path in named if not (ROOT / path).exists()} - MADE_BY_RUNS == set()
