"""The mutants that `make mutants` makes, and how it counts them."""

from pathlib import Path

import pytest

from tests.alerts.promtool import FOLDER, RULE_FILES, all_alerts
from tests.mutation import constants, functions, thresholds
from tests.mutation.__main__ import verdict
from tests.mutation.result import Result, share_killed, table

LISTED = """
    pipelines.gate.checks.x_judge__mutmut_1: killed
    pipelines.gate.checks.x_judge__mutmut_2: survived
    services.api.auth.tokens.access_tokens.xǁTokenIssuerǁissue__mutmut_1: timeout
    services.api.auth.tokens.access_tokens.xǁTokenIssuerǁissue__mutmut_2: no tests
"""


def test_mutant_without_test_counts_as_survivor():
    gate, tokens = functions.read(LISTED)

    assert (gate.place, gate.killed, gate.total) == ("pipelines/gate/checks.py", 1, 2)
    assert (tokens.place, tokens.killed, tokens.total) == ("services/api/auth/tokens/access_tokens.py", 1, 2)
    assert tokens.survivors == ["services.api.auth.tokens.access_tokens.xǁTokenIssuerǁissue__mutmut_2: no tests"]


def test_share_killed_is_zero_without_mutants():
    assert share_killed([]) == 0
    assert share_killed([Result("a", killed=19, survivors=["one"])]) == 0.95


def test_table_has_rows_and_a_sum():
    lines = table("Functions", functions.read(LISTED)).splitlines()

    assert lines[2:] == [
        "| pipelines/gate/checks.py | 1 | 2 | 50.0% |",
        "| services/api/auth/tokens/access_tokens.py | 1 | 2 | 50.0% |",
        "| **All** | 2 | 4 | 50.0% |",
    ]


def test_mutated_modules_exist():
    assert [module for module in constants.mutated_modules() if not (constants.ROOT / module).exists()] == []


def test_every_subject_of_the_target_is_mutated():
    """`make help` and CONTRIBUTING.md say: gate, promotion, bundle reader, tokens, throttle, rows and scores."""
    assert set(constants.mutated_modules()) >= {
        "pipelines/gate/checks.py",
        "pipelines/gate/comparison.py",
        "pipelines/promotion/promote.py",
        "bundle/reader.py",
        "services/api/auth/tokens/access_tokens.py",
        "services/api/auth/logins/login_throttle.py",
        "evaluation/row_schema.py",
        "services/api/prediction/validation.py",
        "pipelines/model/scores.py",
    }


def test_fewer_than_95_percent_killed_fail():
    enough, too_few = Result("a", killed=95, survivors=["one"] * 5), Result("a", killed=94, survivors=["one"] * 6)

    assert verdict({"functions": [enough]}) is None
    assert verdict({"functions": [enough], "constants": [too_few]}) == (
        "fewer than 95% of the mutants are killed: constants 94.0%"
    )


def test_constant_is_changed_in_place():
    (leeway,) = [
        found
        for found in constants.constants_of("services/api/auth/tokens/access_tokens.py")
        if found.name == "LEEWAY_SECONDS"
    ]

    changed = leeway.changed((constants.ROOT / leeway.module).read_text(), 7)

    assert "\nLEEWAY_SECONDS = 7\n" in changed
    assert f"\nLEEWAY_SECONDS = {leeway.value}\n" not in changed


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.name)
def test_threshold_is_changed_in_place(path):
    text = path.read_text()
    found = list(thresholds.thresholds_of(path))
    assert found
    for threshold in found:
        number = text[threshold.start : threshold.end]

        assert float(number) >= 0
        assert len(threshold.changed("LONGER")) == len(text) + len("LONGER") - len(number)
        assert threshold.changed(number) == text


def test_thresholds_are_found():
    found = {threshold.alert for path in RULE_FILES for threshold in thresholds.thresholds_of(path)}

    assert found >= {"ModelScoreDrift", "ModelFeatureDrift", "ApiErrorBudgetBurn", "ApiTokensRefused"}
    assert found <= {alert["alert"] for alert in all_alerts()}


def test_counts_move_by_one_and_measures_by_a_third(tmp_path):
    path = Path(tmp_path, "rules.yaml")
    path.write_text("groups:\n- rules:\n  - alert: A\n    expr: a > 1 and b < 0.5 # c > 3\n    labels: {}\n")

    assert [found.values() for found in thresholds.thresholds_of(path)] == [("0", "2"), ("0.325", "0.675")]


def test_rule_files_are_in_the_alerts_folder():
    assert {path.parent for path in RULE_FILES} == {FOLDER}
