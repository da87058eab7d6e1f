import pytest

from espalier.local.demo_client import Day, by_fifth, keep_password, most_middle_least


def day(*probabilities, truth=None):
    return Day("2013-12-02", None, list(probabilities), truth or [0] * len(probabilities))


def test_most_middle_and_least_likely_rows_are_shown():
    many = day(*(number / 100 for number in range(100)))

    assert most_middle_least(many, 2) == [99, 98, 50, 49, 1, 0]


def test_few_rows_are_shown_once():
    assert most_middle_least(day(0.1, 0.9, 0.5), 4) == [1, 2, 0]


def test_each_fifth_has_predicted_and_actual_share():
    found = by_fifth(day(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, truth=[0, 0, 0, 0, 0, 1, 0, 1, 1, 1]))

    assert [really for _, really in found] == [1.0, 0.5, 0.5, 0.0, 0.0]
    assert [predicted for predicted, _ in found] == pytest.approx([0.95, 0.75, 0.55, 0.35, 0.15])


def test_password_file_has_mode_0600_even_if_it_existed(tmp_path):
    path = tmp_path / "password"
    path.write_text("old")
    path.chmod(0o644)

    keep_password(path, "new")

    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
