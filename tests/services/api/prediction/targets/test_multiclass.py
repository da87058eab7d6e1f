import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, log_loss

from tests.small_models import CLASSES

pytestmark = pytest.mark.parametrize("target_type", ["multiclass"])

SHARES = np.float32([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3]])


@pytest.fixture
def predicted(target):
    return target.decide(np.zeros((4, 5), np.float32), SHARES, None)


def test_most_probable_class_is_predicted_and_of_equal_ones_the_first(target, predicted):
    rows = target.rows(predicted, 0, 4)

    assert [row["label"] for row in rows] == ["some", "none", "many", "some"]
    assert rows[0]["probabilities"] == dict(zip(CLASSES, SHARES[0].tolist(), strict=True))
    assert target.rows(predicted, 1, 3) == rows[1:3]


def test_predicted_class_is_the_score(predicted):
    assert predicted.scores.tolist() == predicted.codes.tolist() == [1, 0, 2, 1]
    assert (predicted.scores.dtype, predicted.codes.dtype) == (np.float32, np.int8)


@pytest.mark.parametrize("rows", [1, 4])
def test_rows_of_every_label_are_counted(target, rows):
    values = memoryview(np.zeros(5))

    target.count_labels(target.decide(np.zeros((rows, 5), np.float32), SHARES[:rows], None), values, 1)

    assert values.tolist() == [0, *np.bincount([1, 0, 2, 1][:rows], minlength=3), 0]


def test_sums_are_those_of_scikit_learn(target):
    random = np.random.default_rng(5)
    shares = random.dirichlet(np.ones(3), 50).astype(np.float32)
    truth = random.integers(3, size=50)

    counts = target.score(shares, [CLASSES[label] for label in truth], 0.0)

    expected = confusion_matrix(truth, shares.argmax(axis=1), labels=range(3))
    assert counts[:9].reshape(3, 3).tolist() == expected.tolist()
    exact = shares.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)  # scikit-learn warns of sums that are 1 in 32 bits only
    assert counts[9] / 50 == pytest.approx(log_loss(truth, exact, labels=range(3)), abs=1e-6)
    assert counts[10] == pytest.approx(np.square(shares - np.eye(3)[truth]).sum())


def test_certain_mistake_has_a_finite_loss(target):
    counts = target.score(np.float32([[1, 0, 0]]), ["many"], 0.0)

    assert 30 < counts[9] < 40
    assert counts[10] == 2
