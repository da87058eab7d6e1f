"""Gains by block, compared with scikit-learn and with computations that need no theory."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from bundle import Target
from pipelines.gate.bootstrap import estimate
from pipelines.gate.gains import Measure
from pipelines.targets.multiclass import Multiclass
from pipelines.targets.regression import Regression
from tests.small_project import binary

SCORES = {
    "log_loss": lambda truth, likely: -log_loss(truth, likely, labels=[0, 1]),
    "brier": lambda truth, likely: -brier_score_loss(truth, likely),
    "roc_auc": roc_auc_score,
    "pr_auc": average_precision_score,
}


def make(rows, seed, decimals=2):
    """Labels, and two models with many equal probabilities."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, rows).astype(np.int8)
    truth[:2] = 0, 1
    theirs, ours = (np.clip(random.normal(0.5 + 0.1 * truth, 0.2), 0.01, 0.99).round(decimals) for _ in range(2))
    return truth, theirs, ours


@pytest.mark.parametrize("metric", SCORES)
@given(seed=st.integers(0, 10_000), rows=st.integers(4, 60), blocks=st.integers(1, 9))
@settings(max_examples=25, deadline=None)
def test_gain_is_the_difference_of_the_scores(metric, seed, rows, blocks):
    truth, theirs, ours = make(rows, seed)
    numbers = np.arange(rows) % blocks

    gains = Measure(binary(), metric).gains(truth, theirs, ours, np.unique(numbers, return_inverse=True)[1])

    assert gains.gain == pytest.approx(SCORES[metric](truth, ours) - SCORES[metric](truth, theirs), abs=1e-12)


def test_brier_gains_by_hand():
    truth = np.array([1, 0, 1, 0], dtype=np.int8)

    gains = Measure(binary(), "brier").gains(
        truth, np.array([0.5, 0.5, 0.5, 0.5]), np.array([1.0, 0.5, 0.0, 0.5]), np.array([0, 0, 1, 1])
    )

    assert gains.sums.tolist() == [0.25, -0.75]
    assert gains.sizes.tolist() == [2, 2]


def test_log_loss_of_a_certain_error_is_finite():
    gains = Measure(binary(), "log_loss").gains(
        np.array([1, 0]), np.array([0.0, 0.5]), np.array([1.0, 0.5]), np.array([0, 1])
    )

    assert gains.sums[0] == pytest.approx(-np.log(np.finfo(float).eps))


def pairwise(truth, likely):
    """The kernel of DeLong's method: for each pair of a positive and a negative row, which is higher."""
    positive, negative = likely[truth == 1], likely[truth == 0]
    return np.array([[(p > n) + (p == n) / 2 for n in negative] for p in positive])


def delong_variance(truth, theirs, ours):
    kernel = pairwise(truth, ours) - pairwise(truth, theirs)
    of_positives, of_negatives = kernel.mean(axis=1), kernel.mean(axis=0)
    return of_positives.var(ddof=1) / len(of_positives) + of_negatives.var(ddof=1) / len(of_negatives)


def test_auc_of_independent_rows_has_delongs_variance():
    truth, theirs, ours = make(400, seed=1)

    found = estimate(Measure(binary(), "roc_auc").gains(truth, theirs, ours, np.arange(400)), resamples=0)

    assert found.gain == pytest.approx((pairwise(truth, ours) - pairwise(truth, theirs)).mean())
    assert found.error**2 == pytest.approx(delong_variance(truth, theirs, ours), rel=0.01)


def test_auc_of_blocks_has_the_variance_of_clusters():
    """Obuchowski's formula, from the placement values summed by block, with their covariance."""
    truth, theirs, ours = make(300, seed=2)
    blocks = np.repeat(np.arange(30), 10)
    kernel = pairwise(truth, ours) - pairwise(truth, theirs)
    m, n = kernel.shape
    auc = kernel.mean()
    positives, negatives = blocks[truth == 1], blocks[truth == 0]
    x = np.array([(kernel.mean(axis=1)[positives == b] - auc).sum() for b in range(30)]) / m
    y = np.array([(kernel.mean(axis=0)[negatives == b] - auc).sum() for b in range(30)]) / n
    expected = 30 / 29 * ((x**2).sum() + (y**2).sum() + 2 * (x * y).sum())

    found = estimate(Measure(binary(), "roc_auc").gains(truth, theirs, ours, blocks), resamples=0)

    assert found.error**2 == pytest.approx(expected, rel=1e-9)


def test_copies_of_the_rows_add_no_certainty_within_their_blocks():
    truth, theirs, ours = make(200, seed=3)
    blocks = np.arange(200) // 5
    copied = [np.concatenate([part] * 4) for part in (truth, theirs, ours, blocks)]
    for metric in SCORES:
        once = estimate(Measure(binary(), metric).gains(truth, theirs, ours, blocks), resamples=0)
        often = estimate(Measure(binary(), metric).gains(*copied), resamples=0)

        assert often.error == pytest.approx(once.error, rel=0.05), metric


def test_pr_auc_leaves_out_each_block():
    truth, theirs, ours = make(60, seed=4)
    blocks = np.arange(60) % 6

    gains = Measure(binary(), "pr_auc").gains(truth, theirs, ours, blocks)

    def gain(kept):
        return SCORES["pr_auc"](truth[kept], ours[kept]) - SCORES["pr_auc"](truth[kept], theirs[kept])

    left_out = np.array([gain(blocks != number) for number in range(6)])
    variance = 5 / 6 * ((left_out - left_out.mean()) ** 2).sum()
    assert estimate(gains, resamples=0).error ** 2 == pytest.approx(variance, rel=1e-9)


@pytest.mark.parametrize("metric", SCORES)
def test_swapped_models_have_the_opposite_gain(metric):
    truth, theirs, ours = make(80, seed=5)
    blocks = np.arange(80) // 4

    there, back = (Measure(binary(), metric).gains(truth, *pair, blocks) for pair in ((theirs, ours), (ours, theirs)))

    assert there.sums == pytest.approx(-back.sums)


@pytest.mark.parametrize(("metric", "seed"), list(product(SCORES, range(3))))
def test_equal_models_have_no_gain_and_no_noise(metric, seed):
    truth, theirs, _ = make(40, seed)

    found = estimate(Measure(binary(), metric).gains(truth, theirs, theirs, np.arange(40) // 2), resamples=100)

    assert found.gain == found.error == found.lower(0.01) == found.upper(0.01) == 0


def test_pr_auc_without_a_positive_row_is_zero():
    """All positive rows are in one block, so that no area is left without it."""
    truth = np.array([1, 1, 0, 0, 0, 0], dtype=np.int8)
    likely = np.array([0.9, 0.8, 0.3, 0.2, 0.1, 0.1])

    assert np.isfinite(
        Measure(binary(), "pr_auc").gains(truth, likely[::-1], likely, np.array([0, 0, 1, 1, 2, 2])).sums
    ).all()


@pytest.mark.parametrize(
    ("task", "metric"),
    [
        (Multiclass(Target(name="t", type="multiclass", classes=("a", "b", "c"))), "log_loss"),
        (Multiclass(Target(name="t", type="multiclass", classes=("a", "b", "c"))), "brier"),
        (Regression(Target(name="t", type="regression")), "mse"),
        (Regression(Target(name="t", type="regression")), "mae"),
        (Regression(Target(name="t", type="regression", interval=0.8)), "pinball_loss"),
    ],
)
def test_gain_of_other_targets_is_the_difference_of_their_scores(task, metric):
    random = np.random.default_rng(1)
    truth = random.integers(0, 3, 60).astype(np.int8 if task.target.classes else np.float32)
    if task.target.outputs == 1:
        theirs, ours = random.normal(1, 1, (2, 60))
    else:
        theirs, ours = random.dirichlet([1, 1, 1], (2, 60))

    gains = Measure(task, metric).gains(truth, theirs, ours, np.arange(60) % 7)

    scores = [getattr(task.score(truth, outputs), metric) for outputs in (theirs, ours)]
    assert gains.gain == pytest.approx(scores[0] - scores[1])
    assert gains.sizes.sum() == 60
    assert Measure(task, metric).is_defined(truth[:1])
