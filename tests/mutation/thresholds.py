"""Mutants of alert rules: each threshold a third lower and a third higher, checked with promtool's unit tests."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.progress import track

from tests.alerts.burn_rates import BUDGETS, check_edges
from tests.alerts.promtool import RULE_FILES, TEST_FILES, load, rules, rules_of, run_tests, unit_tests
from tests.mutation.result import Result

THRESHOLD = re.compile(r"(?<![=!~<>])(?:[<>]=?|==|!=)\s*(?:bool\s+)?(?P<number>\d+(?:\.\d+)?)(?![\w.])")
ALERT = re.compile(r"^\s*- alert: (\w+)$", re.M)
EXPRESSION = re.compile(r"^\s*expr: (?P<expr>.*?)(?=^\s*(?:for|labels|keep_firing_for|annotations):)", re.M | re.S)
SMALL = 2
"""A whole number up to this is a count, which moves by one."""


@dataclass(frozen=True)
class Threshold:
    """A number that an alert compares with, and its place in the text of its file."""

    path: Path
    alert: str
    start: int
    end: int

    def values(self) -> tuple[str, str]:
        number = self.path.read_text()[self.start : self.end]
        if number.isdecimal() and int(number) <= SMALL:
            return str(int(number) - 1), str(int(number) + 1)
        return f"{float(number) * 0.65:.6g}", f"{float(number) * 1.35:.6g}"

    def changed(self, value: str) -> str:
        text = self.path.read_text()
        return f"{text[: self.start]}{value}{text[self.end :]}"


def run() -> list[Result]:
    """Move every threshold of every alert, and run the unit tests of the alert."""
    thresholds = [threshold for path in RULE_FILES for threshold in thresholds_of(path)]
    results = {threshold.path: Result(f"alerts/{threshold.path.name}") for threshold in thresholds}
    with tempfile.TemporaryDirectory() as folder:
        for threshold in track(thresholds, description="alert thresholds"):
            for value in threshold.values():
                killed = _is_killed(Path(folder), threshold, value)
                results[threshold.path].add(f"{threshold.alert}: {value} at {threshold.start}", killed=killed)
    return list(results.values())


def thresholds_of(path: Path) -> Iterator[Threshold]:
    """Yield each number that an expression of an alert compares with; comments and annotations are left out."""
    text = path.read_text()
    alerts = [*ALERT.finditer(text)]
    for alert, following in zip(alerts, [*alerts[1:], None], strict=True):
        end = following.start() if following else len(text)
        block = EXPRESSION.search(text[alert.end() : end])
        assert block, f"{path}: {alert[1]} has no expr"
        offset = alert.end() + block.start("expr")
        code = re.sub(r"#[^\n]*|\"[^\"]*\"", lambda comment: " " * len(comment[0]), block["expr"])
        for number in THRESHOLD.finditer(code):
            yield Threshold(path, alert[1], offset + number.start("number"), offset + number.end("number"))


def _is_killed(folder: Path, threshold: Threshold, value: str) -> bool:
    mutated = folder / threshold.path.name
    mutated.write_text(threshold.changed(value))
    try:
        if threshold.alert in BUDGETS:
            unchanged = rules(threshold.path)
            for rule in rules_of(yaml.safe_load(mutated.read_text())):
                if rule not in unchanged:
                    check_edges(folder, rule)
        for tests in _cases(threshold):
            run_tests(folder, tests | {"rule_files": [mutated.name]})
    except AssertionError:
        return True
    return False


def _cases(threshold: Threshold) -> Iterator[dict[str, Any]]:
    """Yield each case that checks the alert, as a separate file: the order of evaluation is set per file."""
    for path in TEST_FILES:
        tests = load(path)
        if tests["rule_files"] == [f"../../alerts/{threshold.path.name}"]:
            for case in unit_tests(path):
                if any(look["alertname"] == threshold.alert for look in case.get("alert_rule_test", ())):
                    yield tests | {"tests": [case]}
