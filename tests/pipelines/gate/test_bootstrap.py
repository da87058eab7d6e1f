import numpy as np
import pytest
from scipy.stats import t as student

from pipelines.gate.bootstrap import estimate
from pipelines.gate.gains import BlockGains


def of(sums, sizes=None):
    return BlockGains(np.asarray(sums, dtype=float), np.ones(len(sums)) if sizes is None else np.asarray(sizes, float))


def test_standard_error_of_a_mean_by_hand():
    found = estimate(of([1, 2, 3, 6]), resamples=0)

    assert found.gain == 3
    assert found.error == pytest.approx(np.sqrt(14 / 3) / 2)
    assert found.lower(0.05) == pytest.approx(3 - 2.3533634 * found.error)
    assert found.upper(0.05) == pytest.approx(3 + 2.3533634 * found.error)


def test_bounds_are_never_closer_than_students():
    found = estimate(of(np.random.default_rng(1).normal(size=25)))
    for level in (0.2, 0.05, 0.01, 0.0001):
        distance = student.isf(level, 24) * found.error
        assert found.gain - found.lower(level) >= distance
        assert found.upper(level) - found.gain >= distance


def test_skewed_gains_move_the_bound_on_the_long_side():
    """A few very good days: how good they are on average is uncertain upwards."""
    found = estimate(of(np.random.default_rng(2).exponential(size=40)))

    assert found.upper(0.05) - found.gain > 1.1 * (found.gain - found.lower(0.05))


def test_bounds_widen_with_certainty_beyond_the_resamples():
    found = estimate(of(np.random.default_rng(3).normal(size=40)))
    bounds = [found.lower(level) for level in (0.05, 0.01, 0.002, 0.001, 1e-5, 1e-9)]

    assert bounds == sorted(bounds, reverse=True)
    assert np.isfinite(bounds).all()


@pytest.mark.parametrize(("blocks", "draw"), [(20, "normal"), (90, "normal"), (90, "lognormal")])
def test_bounds_cover_the_truth(blocks, draw):
    """Blocks of different size with a gain of their own, as days are; the true gain is known. Figures are seeded."""
    random, wrong = np.random.default_rng(4), np.zeros(2)
    centre = 0 if draw == "normal" else np.exp(0.7**2 / 2)
    for seed in range(400):
        sizes = random.integers(50, 150, blocks)
        means = random.normal(size=blocks) if draw == "normal" else random.lognormal(0, 0.7, blocks)
        found = estimate(of(means * sizes, sizes), resamples=800, seed=seed)
        wrong += found.lower(0.05) > centre, found.upper(0.05) < centre

    assert (wrong / 400 < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)).all(), wrong / 400


def test_rows_that_depend_on_each_other_are_not_taken_as_many():
    """A hundred days with a luck of their own: as single rows they would look ten times as certain."""
    random = np.random.default_rng(5)
    rows = np.repeat(random.normal(size=100), 100)

    by_day = estimate(of(rows.reshape(100, 100).sum(axis=1), [100] * 100), resamples=0)
    by_row = estimate(of(rows), resamples=0)

    assert by_day.error == pytest.approx(10 * by_row.error, rel=0.01)


def test_repeated_estimate_is_the_same():
    gains = of(np.random.default_rng(6).normal(size=30))

    assert estimate(gains).lower(0.01) == estimate(gains).lower(0.01)


def test_p_value_is_that_of_students_test():
    found = estimate(of([-1, -2, -3, -6]), resamples=0)

    assert found.p_below(0) == pytest.approx(student.cdf(-3 / found.error, 3))
    assert found.p_below(-3) == pytest.approx(0.5)
    assert estimate(of([-1, -1]), resamples=0).p_below(0) == 0
    assert estimate(of([1, 1]), resamples=0).p_below(0) == 1
