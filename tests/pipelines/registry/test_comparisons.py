import pytest

from pipelines.gate.checks import Verdict, refuse
from pipelines.registry.comparisons import evidence_tags, next_comparison, record_comparison
from pipelines.registry.versions import Version


def version(number, key="", champion="", comparison="", **tags):
    found = {"espalier.key": key, "gate.compared_with": champion, "gate.comparison": comparison, **tags}
    return Version("trees", str(number), "run", 0.0, {name: value for name, value in found.items() if value}, ())


CHAMPION = version(1, "first")


def number_of(*versions, key="new"):
    return next_comparison([*versions, CHAMPION], key=key, champion="1")


def test_first_comparison_is_number_one():
    assert number_of() == 1


def test_every_other_work_counts():
    assert number_of(version(2, "a", "1", "1"), version(3, "b", "1", "2")) == 3


def test_comparisons_with_another_champion_do_not_count():
    assert number_of(version(2, "a", "9", "7"), version(3, "b", "1", "1")) == 2


def test_versions_that_were_refused_before_the_comparison_do_not_count():
    assert number_of(version(2, "a", "1")) == 1


def test_repeated_work_keeps_its_number():
    assert number_of(version(3, "new", "1", "2"), version(4, "b", "1", "3")) == 2


def test_deleted_versions_still_count():
    """Numbers 1, 2 and 4 are gone, or all are and the champion remembers."""
    assert number_of(version(4, "c", "1", "3")) == 4
    assert next_comparison([version(1, "first", **{"gate.comparisons": "5"})], key="new", champion="1") == 6


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "٣"])
def test_malformed_tags_count_as_none(text):
    assert number_of(version(2, "a", "1", text)) == 1


def test_tags_have_the_numbers(evidence):
    found = evidence(rows_to_decide=120_000, comparison=3)

    assert evidence_tags(Verdict(champion_version="4", evidence=found)) == {
        "gate.verdict": "inconclusive",
        "gate.comparison": "3",
        "gate.gain": "0.001200",
        "gate.gain_from": "-0.002100",
        "gate.gain_to": "0.004500",
        "gate.rows": "90000",
        "gate.rows_to_decide": "120000",
    }
    assert evidence_tags(Verdict(champion_version="4", evidence=evidence()))["gate.rows_to_decide"] == ""


def test_verdict_without_a_comparison_has_its_kind_only():
    assert evidence_tags(Verdict(champion_version=None)) == {"gate.verdict": "first"}
    assert evidence_tags(refuse("no", champion_version="4")) == {"gate.verdict": "not_compared"}


class Tagged:
    """A registry that only keeps tags."""

    def __init__(self, *versions):
        self.kept, self.written = versions, []

    def versions(self, _name):
        return list(self.kept)

    def tag_version(self, version, tags):
        self.written.append((version.number, dict(tags)))


def test_champion_remembers_the_largest_number():
    compared = version(7, "a", "1", "3")
    for before, written in (("", [("1", {"gate.comparisons": "3"})]), ("3", []), ("4", [])):
        registry = Tagged(compared, version(1, "first", **{"gate.comparisons": before}))

        record_comparison(registry, compared)

        assert registry.written == written


def test_nothing_is_recorded_without_a_comparison_or_its_champion():
    for compared in (version(7, "a", "1"), version(7, "a", "", ""), version(7, "a", "99", "3")):
        registry = Tagged(compared, CHAMPION)

        record_comparison(registry, compared)

        assert registry.written == []
