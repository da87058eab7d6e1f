import pytest

from benchmarks.errors import BenchmarkFailed
from benchmarks.soak.report import memory_trends, problems_of, read_report, write_report


def test_exact_and_flat_soak_is_passed(make_report):
    assert problems_of(make_report()) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"statuses": {"200": 999}}, "999 of 1,000 requests were answered, 0 connections failed"),
        ({"no_answer": 1}, "1,000 of 1,000 requests were answered, 1 connections failed"),
        ({"statuses": {"200": 999, "503": 1}}, "unexpected answers: {'503': 1}"),
        ({"differences": {"a_total": (9, 10)}}, "a_total counted 9, but 10 were answered"),
        ({"log_lines": 1003}, "the access log has 1,003 lines for 1,004 predictions"),
    ],
)
def test_inexact_counts_are_problems(make_report, changes, problem):
    assert problems_of(make_report(**changes)) == [problem]


@pytest.mark.parametrize("name", ["pss_mib", "private_mib"])
def test_growing_memory_is_a_problem(make_report, make_sample, name):
    slow = tuple(make_sample(number, **{name: 100 + 0.5 * number}) for number in range(11))
    fast = tuple(make_sample(number, **{name: 100 + 1.5 * number}) for number in range(11))

    assert problems_of(make_report(samples=slow)) == []
    (problem,) = problems_of(make_report(samples=fast))
    assert "grows by 1.50 ± 0.00 MiB for 100,000 requests" in problem


def test_growth_before_the_second_half_is_the_start(make_report, make_sample):
    samples = tuple(make_sample(number, pss_mib=min(number, 4) * 30.0) for number in range(11))

    assert problems_of(make_report(samples=samples)) == []
    assert memory_trends(samples)["PSS"].slope == 0


@pytest.mark.parametrize("name", ["files", "threads", "connections"])
def test_growing_numbers_are_problems(make_report, make_sample, name):
    samples = tuple(make_sample(number, **{name: 10 + 2 * number}) for number in range(11))

    assert problems_of(make_report(samples=samples)) == [
        f"open {name} grow from at most 18 in the first half to 30 in the second"
    ]


def test_report_is_read_as_it_was_written(make_report, tmp_path):
    report = make_report(differences={"a_total": (9, 10)})
    write_report(tmp_path / "soak.json", report)

    assert read_report(tmp_path / "soak.json") == report


@pytest.mark.parametrize("text", ["", "{}", "[]"])
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "soak.json").write_text(text)

    with pytest.raises(BenchmarkFailed, match="has no result of a soak"):
        read_report(tmp_path / "soak.json")
