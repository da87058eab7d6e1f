"""The rule files as data, and promtool as a function."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "alerts"
RULE_FILES = sorted(FOLDER.glob("*.yaml"))
TEST_FILES = sorted(Path(__file__).parent.glob("*_test.yaml"))

Rule = dict[str, Any]


@cache
def load(path: Path) -> dict[str, Any]:
    """Read a file once."""
    return dict(yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader)))  # noqa: S506 - both are safe


def rules(path: Path) -> list[Rule]:
    """Return every rule of a file."""
    return rules_of(load(path))


def rules_of(content: dict[str, Any]) -> list[Rule]:
    """Return every rule in the content of a file."""
    return [rule for group in content["groups"] for rule in group["rules"]]


def all_rules() -> list[Rule]:
    """Return every rule of every file."""
    return [rule for path in RULE_FILES for rule in rules(path)]


def all_alerts() -> list[Rule]:
    """Return every alert."""
    return [rule for rule in all_rules() if "alert" in rule]


def unit_tests(path: Path) -> list[Rule]:
    """Return every case of a promtool unit test file."""
    return list(load(path)["tests"])


def promtool(*arguments: str | Path) -> None:
    """Run promtool. Its output is the message of the failure."""
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"[:20_000]


def run_case(folder: Path, rule_file: Path, case: dict[str, Any], *, evaluate_every: str) -> None:
    """Evaluate a rule file on the case's series, and compare with its expectations."""
    run_tests(folder, {"rule_files": [str(rule_file)], "evaluation_interval": evaluate_every, "tests": [case]})


def run_tests(folder: Path, tests: dict[str, Any]) -> None:
    """Run unit tests; their rule files are in the folder or have absolute paths."""
    path = folder / "case.json"  # JSON is YAML, and written faster
    path.write_text(json.dumps(tests))
    promtool("test", "rules", path)
