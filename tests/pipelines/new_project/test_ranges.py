import numpy as np
import pytest

from pipelines.new_project.ranges import range_with_slack


@pytest.mark.parametrize(
    ("values", "is_whole", "found"),
    [
        ([0, 1], True, (0, 1)),
        ([0.1, 0.93], False, (0, 1)),
        ([1, 7], True, (0, 10)),
        ([1900, 2020], True, (1800, 2100)),
        ([-12.5, 31.0], False, (-40, 60)),
        ([-5, -1], True, (-7, 0)),
        ([2, 2, 2], False, (1, 3)),
    ],
)
def test_ranges(values, is_whole, found):
    low, high = range_with_slack(np.array(values, dtype=float), is_whole=is_whole)

    assert (low, high) == found
    assert low <= min(values) and high >= max(values)


def test_a_long_tail_has_no_end():
    values = np.array([*range(100)] * 10 + [1_000_000], dtype=float)

    assert range_with_slack(values, is_whole=True) == (0, None)
    assert range_with_slack(-values, is_whole=True) == (None, 0)


def test_every_value_is_inside():
    random = np.random.default_rng(0)
    for scale in (1e-9, 1e-3, 1, 1e6, 1e30):
        for shift in (-5, 0, 5):
            values = (random.normal(size=50) + shift) * scale
            low, high = range_with_slack(values, is_whole=False)
            assert low is None or low <= values.min()
            assert high is None or high >= values.max()
