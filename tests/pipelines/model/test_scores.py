import numpy as np
import pandas as pd
import pytest

from pipelines.config.params import EvaluateParams
from pipelines.model.scores import calibration_error, score, score_slices

TRUTH = np.array([0, 0, 1, 1], dtype=np.int8)
LIKELY = np.array([0.1, 0.6, 0.4, 0.9], dtype=np.float32)


def test_scores_match_values_computed_by_hand():
    scores = score(TRUTH, LIKELY, threshold=0.5)

    assert scores.rows == 4
    assert scores.base_rate == 0.5
    assert scores.log_loss == pytest.approx(-np.mean(np.log([0.9, 0.4, 0.4, 0.9])), rel=1e-6)
    assert scores.base_rate_log_loss == pytest.approx(np.log(2))
    assert scores.brier == pytest.approx((0.01 + 0.36 + 0.36 + 0.01) / 4, rel=1e-6)
    assert scores.accuracy == 0.5
    assert scores.roc_auc == 0.75
    assert scores.pr_auc == pytest.approx((1 + 2 / 3) / 2)


def test_threshold_changes_only_the_accuracy():
    low = score(TRUTH, LIKELY, threshold=0.35)

    assert low.accuracy == 0.75
    assert low.roc_auc == 0.75


def test_calibration_error_is_zero_where_shares_agree():
    truth = np.array([0, 1] * 50, dtype=np.int8)

    assert calibration_error(truth, np.full(100, 0.5)) == 0
    assert calibration_error(truth, np.full(100, 0.9)) == pytest.approx(0.4)
    assert calibration_error(truth, np.full(100, 1.0)) == pytest.approx(0.5)


def test_threshold_itself_gets_the_positive_label():
    truth, likely = np.array([0, 1], dtype=np.int8), np.array([0.2, 0.25], dtype=np.float32)

    assert score(truth, likely, threshold=0.25).accuracy == 1.0
    assert score(truth, likely, threshold=0.5).accuracy == 0.5


def test_base_rate_loss_is_that_of_predicting_the_base_rate():
    truth = np.array([1, 0, 0, 0, 0], dtype=np.int8)

    scores = score(truth, np.full(5, 0.5, dtype=np.float32), threshold=0.5)

    assert scores.base_rate == pytest.approx(0.2)
    assert scores.base_rate_log_loss == pytest.approx(-(0.2 * np.log(0.2) + 0.8 * np.log(0.8)))
    assert scores.log_loss == pytest.approx(np.log(2))


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


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_has_no_auc_and_no_base_rate_loss(label):
    scores = score(np.full(3, label, dtype=np.int8), LIKELY[:3], threshold=0.5)

    assert scores.roc_auc is None
    assert scores.pr_auc is None
    assert scores.base_rate_log_loss == 0.0
    assert scores.brier == pytest.approx(np.mean((LIKELY[:3] - label) ** 2), rel=1e-6)


def test_slice_is_scored_on_its_own_rows_with_the_threshold(table, schema):
    known = table[table["bears"].notna()].assign(seen=lambda rows: pd.to_datetime(rows["seen"]))
    truth = known["bears"].to_numpy(dtype=np.int8)
    likely = np.random.default_rng(1).uniform(0, 1, len(known)).astype(np.float32)
    params = EvaluateParams(slices=("kind",), threshold=0.3, time_slice="month")

    slices = score_slices(known, truth, likely, schema=schema, params=params)

    assert {part.column for part in slices} == {"kind", "month"}
    for part in slices:
        own = known["kind"] == part.value if part.column == "kind" else known["seen"].dt.strftime("%Y-%m") == part.value
        assert part.scores == score(truth[own], likely[own], threshold=0.3)
    assert len({part.scores.log_loss for part in slices}) == len(slices)


def test_every_slice_with_enough_rows_is_measured(table, schema):
    known = table[table["bears"].notna()].copy()
    known["seen"] = pd.to_datetime(known["seen"])
    truth = known["bears"].to_numpy(dtype=np.int8)
    params = EvaluateParams(slices=("kind",), time_slice="quarter", min_slice_rows=100)

    slices = score_slices(known, truth, np.full(len(known), 0.5, np.float32), schema=schema, params=params)

    found = {(part.column, part.value): part.scores for part in slices}
    assert ("kind", "pear") in found
    assert ("quarter", "2025Q1") in found
    assert found["kind", "pear"].rows == (known["kind"] == "pear").sum()
    assert all(part.scores.rows >= 100 for part in slices)


def test_slice_with_the_minimum_of_rows_is_measured(table, schema):
    known = table[table["bears"].notna()].assign(seen=lambda rows: pd.to_datetime(rows["seen"]))
    truth, likely = known["bears"].to_numpy(dtype=np.int8), np.full(len(known), 0.5, np.float32)
    pears = int((known["kind"] == "pear").sum())

    def measured(rows):
        params = EvaluateParams(slices=("kind",), time_slice="none", min_slice_rows=rows)
        return {part.value for part in score_slices(known, truth, likely, schema=schema, params=params)}

    assert "pear" in measured(pears)
    assert "pear" not in measured(pears + 1)
