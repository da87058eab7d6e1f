import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score

from bundle import Target
from pipelines.config.params import GateParams
from pipelines.targets.multiclass import Multiclass

TARGET = Target(name="kind", type="multiclass", classes=("apple", "pear", "plum"))
TASK = Multiclass(TARGET)


@pytest.fixture
def rows():
    """True codes of 300 rows, and probabilities that often are right."""
    random = np.random.default_rng(1)
    truth = random.integers(0, 3, 300).astype(np.int8)
    raw = random.random((300, 3)) + 1.2 * np.eye(3)[truth] * (random.random((300, 1)) < 0.7)
    return truth, (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)


def test_scores_are_those_of_scikit_learn(rows):
    truth, likely = rows
    scores, exact = TASK.score(truth, likely), likely.astype(np.float64)

    exact /= exact.sum(axis=1, keepdims=True)
    assert scores.log_loss == pytest.approx(log_loss(truth, exact), rel=1e-6)
    assert scores.accuracy == np.mean(likely.argmax(axis=1) == truth)
    assert scores.balanced_accuracy == pytest.approx(balanced_accuracy_score(truth, likely.argmax(axis=1)))
    assert scores.roc_auc == pytest.approx(roc_auc_score(truth, exact, multi_class="ovr"), rel=1e-6)
    assert scores.brier == pytest.approx(((np.eye(3)[truth] - likely) ** 2).sum(axis=1).mean(), rel=1e-6)


def test_base_rate_is_always_predicting_the_shares(rows):
    truth, likely = rows
    shares = np.bincount(truth) / len(truth)

    scores = TASK.score(truth, likely)

    assert scores.class_shares == pytest.approx(dict(zip(TARGET.classes, shares, strict=True)))
    assert scores.base_rate_log_loss == pytest.approx(log_loss(truth, np.tile(shares, (len(truth), 1))))


def test_calibration_is_of_the_predicted_class():
    """Nine of ten are right: a probability of 0.9 is calibrated, one of 0.6 is not."""
    truth = np.array([0] * 9 + [1], dtype=np.int8)

    def error(largest):
        likely = np.tile(np.array([largest, 1 - largest, 0], dtype=np.float32), (10, 1))
        return TASK.score(truth, likely).calibration_error

    assert error(0.9) == pytest.approx(0, abs=1e-6)
    assert error(0.6) == pytest.approx(0.3, abs=1e-6)


@pytest.mark.parametrize("metric", TASK.metrics)
def test_mean_of_the_row_losses_is_the_score(rows, metric):
    truth, likely = rows

    losses = TASK.row_losses(metric, truth, likely.astype(np.float64))

    assert losses.shape == truth.shape
    assert losses.mean() == pytest.approx(getattr(TASK.score(truth, likely), metric))


def test_slice_without_a_class_has_no_roc_auc(rows):
    truth, likely = rows
    some = truth != 1

    scores = TASK.score(truth[some], likely[some])

    assert scores.roc_auc is None
    assert scores.class_shares["pear"] == 0
    assert np.isfinite([scores.log_loss, scores.base_rate_log_loss, scores.balanced_accuracy]).all()


def test_floors_name_what_is_missed(rows):
    truth, likely = rows
    gate = GateParams(min_roc_auc=0.99, min_accuracy=0.99, max_calibration_error=0.001)

    checks = TASK.floors(TASK.score(truth, likely), gate)

    assert [check.name for check in checks] == [
        "mean ROC AUC of a class against the rest",
        "accuracy",
        "log loss",
        "calibration error",
    ]
    assert [check.passed for check in checks] == [False, False, True, False]
    [undefined] = TASK.floors(
        TASK.score(truth[truth != 1], likely[truth != 1]), GateParams(min_roc_auc=0.5, beat_base_rate=False)
    )
    assert (undefined.passed, undefined.explanation) == (False, "no test row has the class pear")


def test_guess_no_better_than_the_shares_is_rejected(rows):
    truth, _ = rows
    shares = np.tile(np.bincount(truth) / len(truth), (len(truth), 1))

    [check] = TASK.floors(TASK.score(truth, shares), GateParams())

    assert not check.passed


def test_class_without_a_training_row_cannot_be_learned():
    some = np.array([0, 2, 2], dtype=np.int8)

    assert TASK.unlearnable(some, train=True) == "no row has kind = pear"
    assert TASK.unlearnable(some, train=False) == ""
    assert TASK.unlearnable(some[1:], train=False) == "every row has kind = plum"


def test_counted_is_the_predicted_class(rows):
    _, likely = rows
    bins = TASK.score_bins(likely, 10)

    assert bins.labels == TARGET.classes
    assert bins.edges is None
    counted = TASK.counted(likely)
    assert counted.dtype == np.float32
    assert bins.shares == pytest.approx([np.mean(counted == code) for code in range(3)])


def test_other_classes_are_not_compared_with():
    other = TARGET.model_copy(update={"classes": ("pear", "apple", "plum")})

    assert TASK.not_comparable(TARGET, "log_loss") == ""
    assert TASK.not_comparable(other, "log_loss").startswith("the classes pear, apple, plum; schema.yaml now has apple")
