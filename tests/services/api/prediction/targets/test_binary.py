import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

NAMES = ("bare", "bearing")


def decide(target, *probabilities):
    return target.decide(np.zeros((len(probabilities), 5), np.float32), np.float32(probabilities), None)


def test_probability_at_the_threshold_gets_the_positive_label(target):
    predicted = decide(target, 0.5, np.nextafter(np.float32(0.5), np.float32(0)))

    assert [row["label"] for row in target.rows(predicted, 0, 2)] == ["bearing", "bare"]


def test_rows_of_both_labels_are_counted(target):
    values = memoryview(np.zeros(4))

    target.count_labels(decide(target, 0.9, 0.1, 0.2), values, 1)

    assert values.tolist() == [0, 2, 1, 0]


def test_sums_are_those_of_scikit_learn(target):
    random = np.random.default_rng(5)
    likely, truth = random.uniform(0, 1, 50).astype(np.float32), random.integers(2, size=50)

    counts = target.score(likely, [NAMES[label] for label in truth], 0.5)

    assert counts[4] / 50 == pytest.approx(log_loss(truth, likely.astype(np.float64)))
    assert counts[5] / 50 == pytest.approx(brier_score_loss(truth, likely.astype(np.float64)))


def test_feedback_is_scored_with_the_threshold_of_its_version(target):
    at = np.float32([0.3, np.nextafter(np.float32(0.3), np.float32(0))])

    counts = target.score(at, ["bearing", "bearing"], float(np.float32(0.3)))

    assert counts[:4].tolist() == [0, 0, 1, 1], "true and predicted: bare, bare; bare, bearing; ..."


def test_certain_mistake_has_a_finite_loss(target):
    counts = target.score(np.ones(1, dtype=np.float32), ["bare"], 0.5)

    assert 30 < counts[4] < 40
    assert counts[5] == 1


def test_probability_at_an_edge_is_in_the_bin_above(target):
    counts = target.score(np.float32([0.5, 0.4]), ["bare", "bearing"], 0.5)

    assert counts[6:].tolist() == [0, 1, 1, 0], "bare below and above, bearing below and above"
