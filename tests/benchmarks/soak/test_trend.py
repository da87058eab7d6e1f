import numpy as np
import pytest

from benchmarks.soak.trend import second_half, trend_of


def test_slope_and_error_are_those_of_least_squares():
    random = np.random.default_rng(1)
    x = np.arange(50.0)
    y = 3 + 0.25 * x + random.normal(size=50)
    coefficients, covariance = np.polyfit(x, y, 1, cov=True)

    trend = trend_of(list(x), list(y))

    assert trend.slope == pytest.approx(coefficients[0])
    assert trend.error == pytest.approx(np.sqrt(covariance[0, 0]))
    assert not trend.is_noise


def test_flat_samples_are_noise():
    random = np.random.default_rng(2)

    assert trend_of(range(100), list(random.normal(size=100))).is_noise
    assert trend_of([0, 1, 2], [5, 5, 5]).is_noise


def test_exact_line_is_no_noise():
    trend = trend_of([0, 1, 2, 3], [0, 2, 4, 6])

    assert (trend.slope, trend.error, trend.is_noise) == (2, 0, False)


@pytest.mark.parametrize(("x", "y"), [([], []), ([1, 2], [1, 2]), ([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [1, 2])])
def test_too_few_samples_have_no_trend(x, y):
    with pytest.raises(ValueError, match="samples"):
        trend_of(x, y)


def test_second_half_is_by_place_and_not_by_number():
    assert second_half([0, 1, 2, 3, 10]) == 4
    assert second_half([0, 1, 2, 3, 4]) == 2
