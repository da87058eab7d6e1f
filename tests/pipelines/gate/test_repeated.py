import pytest

from pipelines.gate.repeated import level_of


def test_first_levels():
    assert [level_of(number, confidence=0.95) for number in (1, 2, 3)] == pytest.approx([0.025, 0.05 / 6, 0.05 / 12])


def test_levels_of_all_comparisons_stay_below_the_budget():
    total = sum(level_of(number, confidence=0.95) for number in range(1, 10_000))

    assert 0.0499 < total < 0.05
