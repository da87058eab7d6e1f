"""Rules and dashboards read metrics that there are, by labels that they have."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.alerts.promql import selectors
from tests.alerts.promtool import RULE_FILES, rules
from tests.metric_names import API, recorded, series

ROOT = Path(__file__).parents[2]


def expressions() -> list[tuple[str, str]]:
    """(file, expression) of every rule and every panel."""
    found = []
    for path in RULE_FILES:
        found += [(path.name, rule["expr"]) for rule in rules(path)]
    for path in sorted((ROOT / "dashboards").glob("*.json")):
        targets = re.findall(r'"expr": ("(?:[^"\\]|\\.)*")', path.read_text())
        found += [(path.name, json.loads(target)) for target in targets]
    return found


@pytest.mark.parametrize("file", sorted({file for file, _expression in expressions()}))
def test_every_metric_that_is_read_is_known_and_has_the_labels(file):
    known, records = series(), recorded()
    for _file, expression in [one for one in expressions() if one[0] == file]:
        for found in selectors(expression):
            assert found.metric in known or found.metric in records, f"{found.metric} in {expression}"
            for label, _operator, _value in found.matchers if found.metric in known else ():
                assert label in known[found.metric], f"{found.metric} has no label {label}"


def test_every_metric_that_the_api_names_is_listed():
    named = set()
    for path in (ROOT / "services/api").glob("*.py"):
        named |= set(re.findall(r'"(espalier_[a-z_]+)"', path.read_text()))

    assert named
    assert named <= set(API)
