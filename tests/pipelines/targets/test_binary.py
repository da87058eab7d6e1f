import numpy as np
import pytest

from pipelines.config.params import GateParams
from tests.small_project import binary

TRUTH = np.array([0, 0, 1, 1], dtype=np.int8)
LIKELY = np.array([0.1, 0.6, 0.4, 0.9], dtype=np.float32)


def test_scores_match_values_computed_by_hand():
    scores = binary(0.5).score(TRUTH, LIKELY)

    assert scores.rows == 4
    assert scores.base_rate == 0.5
    assert scores.log_loss == pytest.approx(-np.mean(np.log([0.9, 0.4, 0.4, 0.9])), rel=1e-6)
    assert scores.base_rate_log_loss == pytest.approx(np.log(2))
    assert scores.brier == pytest.approx((0.01 + 0.36 + 0.36 + 0.01) / 4, rel=1e-6)
    assert scores.accuracy == 0.5
    assert scores.roc_auc == 0.75
    assert scores.pr_auc == pytest.approx((1 + 2 / 3) / 2)


def test_threshold_changes_only_the_accuracy():
    low = binary(0.35).score(TRUTH, LIKELY)

    assert low.accuracy == 0.75
    assert low.roc_auc == 0.75


def test_threshold_itself_gets_the_positive_label():
    truth, likely = np.array([0, 1], dtype=np.int8), np.array([0.2, 0.25], dtype=np.float32)

    assert binary(0.25).score(truth, likely).accuracy == 1.0
    assert binary(0.5).score(truth, likely).accuracy == 0.5


def test_base_rate_loss_is_that_of_predicting_the_base_rate():
    truth = np.array([1, 0, 0, 0, 0], dtype=np.int8)

    scores = binary(0.5).score(truth, np.full(5, 0.5, dtype=np.float32))

    assert scores.base_rate == pytest.approx(0.2)
    assert scores.base_rate_log_loss == pytest.approx(-(0.2 * np.log(0.2) + 0.8 * np.log(0.8)))
    assert scores.log_loss == pytest.approx(np.log(2))


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_has_no_auc_and_no_base_rate_loss(label):
    scores = binary(0.5).score(np.full(3, label, dtype=np.int8), LIKELY[:3])

    assert scores.roc_auc is None
    assert scores.pr_auc is None
    assert scores.base_rate_log_loss == 0.0
    assert scores.brier == pytest.approx(np.mean((LIKELY[:3] - label) ** 2), rel=1e-6)


@pytest.mark.parametrize(("metric", "figure"), [("log_loss", "log_loss"), ("brier", "brier")])
def test_mean_of_the_row_losses_is_the_score(metric, figure):
    losses = binary().row_losses(metric, TRUTH, LIKELY.astype(np.float64))

    assert losses.mean() == pytest.approx(getattr(binary().score(TRUTH, LIKELY), figure))


def test_one_class_cannot_be_learned():
    assert binary().unlearnable(np.ones(3, dtype=np.int8), train=True) == "every row has bears = 1"
    assert binary().unlearnable(TRUTH, train=False) == ""


def test_accuracy_may_have_a_minimum():
    scores = binary().score(TRUTH, LIKELY)

    [accuracy] = binary().floors(scores, GateParams(min_accuracy=0.6, beat_base_rate=False))

    assert (accuracy.name, accuracy.found, accuracy.passed) == ("accuracy", 0.5, False)


def test_shares_are_of_the_labels():
    assert binary().shares(np.array([0, 1, 1, 1], dtype=np.int8)) == {"bare": 0.25, "bearing": 0.75}
