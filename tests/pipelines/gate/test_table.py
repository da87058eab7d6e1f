import pytest

from pipelines.gate.checks import Check, Verdict, refuse
from pipelines.gate.decision import Kind
from pipelines.gate.slices import SliceGain
from pipelines.gate.table import verdict_lines

PASSED = Check(name="ROC AUC", found=0.69, wanted="at least 0.65", passed=True)


def test_first_model_has_checks_only():
    assert verdict_lines(Verdict(champion_version=None, checks=(PASSED,))) == [
        "verdict: first, passed",
        "  check    found       required",
        "  ROC AUC  0.6900  ok  at least 0.65",
    ]


def test_comparison_is_shown_with_its_numbers(evidence):
    failed = Check(name="log loss", found=0.4968, wanted="below 0.4980", passed=False)
    found = evidence(rows_to_decide=120_000, comparison=2, level=0.00833)

    assert verdict_lines(Verdict(champion_version="4", checks=(PASSED, failed), evidence=found)) == [
        "verdict: inconclusive, rejected",
        "  check     found           required",
        "  ROC AUC   0.6900  ok      at least 0.65",
        "  log loss  0.4968  FAILED  below 0.4980",
        "  champion                version 4, 0.4980",
        "  candidate               0.4968, trained on no newer data",
        "  gain                    +0.0012, from -0.0021 to +0.0045 (standard error 0.0016)",
        "  margins                 better above 0.001, not worse above -0.005",
        "  certainty               each bound is wrong in at most 0.833% of cases",
        "  comparison              number 2 with this champion",
        "  rows                    90,000 of 90,000, in 90 blocks of 1d",
        "  neighbouring blocks     correlation 0.10",
        "  rows that would decide  about 120,000, if the gain stays as it is",
        "  calibration error       0.0500, champion 0.0500",
    ]


def test_blocks_that_depend_on_each_other_are_pointed_out(evidence):
    alike = "\n".join(verdict_lines(Verdict(champion_version="4", evidence=evidence(neighbours=0.3, newer=True))))

    assert "correlation 0.30; use longer blocks (register.gate.block)" in alike
    assert "trained on newer data" in alike


@pytest.mark.parametrize("number", [3, 9])
def test_slices_with_the_lowest_gain_are_shown(evidence, number):
    slices = tuple(
        SliceGain(column="kind", value=f"k{place}", rows=800, blocks=30, gain=place / 100, lower=-0.1, upper=0.1, p=0.5)
        for place in reversed(range(number))
    )

    lines = verdict_lines(Verdict(champion_version="4", evidence=evidence(kind=Kind.BETTER, slices=slices)))

    shown = min(number, 5)
    at = lines.index(f"the {shown} of {number} slices with the lowest gain:")
    assert lines[at + 1 : at + 3] == [
        "  slice    rows  gain     from     to       p",
        "  kind k0  800   +0.0000  -0.1000  +0.1000  0.5",
    ]
    assert len(lines) == at + 2 + shown


def test_refusal_is_shown():
    assert verdict_lines(refuse("it needs column(s) age", champion_version="4")) == [
        "verdict: not compared, rejected",
        "  not compared: it needs column(s) age",
    ]


def test_coverage_is_shown_for_an_interval_and_nothing_without(evidence):
    def lines(coverages):
        found = evidence(coverages=coverages, calibration_errors={})
        return "\n".join(verdict_lines(Verdict(champion_version="4", evidence=found)))

    assert "coverage of the interval  0.9000, champion 0.8500" in lines({"champion": 0.85, "candidate": 0.9})
    assert lines({"candidate": 0.9}).endswith("coverage of the interval  0.9000")
    assert "coverage" not in lines({}) and "calibration" not in lines({})
