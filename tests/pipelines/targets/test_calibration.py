import numpy as np
import pytest

from pipelines.targets.calibration import calibration_bins, calibration_error, tenths


def test_calibration_error_is_zero_where_shares_agree():
    truth = np.array([0, 1] * 50, dtype=np.int8)

    assert calibration_error(truth, np.full(100, 0.5)) == 0
    assert calibration_error(truth, np.full(100, 0.9)) == pytest.approx(0.4)
    assert calibration_error(truth, np.full(100, 1.0)) == pytest.approx(0.5)


def test_calibration_error_weights_bins_by_their_rows():
    """Ninety rows that are right, ten that are wrong by 0.9: one tenth of 0.9, and not one half."""
    truth = np.zeros(100, dtype=np.int8)
    likely = np.concatenate([np.zeros(90), np.full(10, 0.9)])

    assert calibration_error(truth, likely) == pytest.approx(0.09)


def test_calibration_error_uses_ten_bins_including_probability_one():
    random = np.random.default_rng(3)
    likely = np.concatenate([random.uniform(0, 1, 400), np.full(20, 1.0)])
    truth = np.where(likely < 0.8, random.integers(0, 2, len(likely)), likely < 1).astype(np.int8)  # signs differ above
    bins = [(likely >= k / 10) & ((likely < (k + 1) / 10) | (k == 9)) for k in range(10)]

    by_hand = sum(abs(likely[own].sum() - truth[own].sum()) for own in bins) / len(likely)

    assert calibration_error(truth, likely) == pytest.approx(by_hand)


def test_bins_add_up_to_all_rows():
    likely = np.random.default_rng(1).random(100)
    truth = np.arange(100) % 3 == 0

    predicted, observed, rows = calibration_bins(truth, likely)

    assert (predicted.sum(), observed.sum(), rows.sum()) == (pytest.approx(likely.sum()), 34, 100)


def test_tenths_have_as_many_rows_each():
    values = np.arange(1000.0)

    predicted, observed, rows = tenths(2 * values, values)

    assert rows.tolist() == [100] * 10
    assert predicted[0] == values[:100].sum()
    assert (observed == 2 * predicted).all()


def test_tenths_of_equal_values_are_one_bin():
    _, _, rows = tenths(np.zeros(5), np.full(5, 2.0))

    assert rows.tolist() == [0, 5]
