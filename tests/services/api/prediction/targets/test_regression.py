import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

ONE = pytest.mark.parametrize("target_type", ["regression"])
INTERVAL = pytest.mark.parametrize("target_type", ["interval"])
BOTH = pytest.mark.parametrize("target_type", ["regression", "interval"])


def decide(target, outputs):
    values = np.float32(outputs)
    return target.decide(np.zeros((len(values), 5), np.float32), values, None)


@ONE
def test_value(target):
    predicted = decide(target, [1.5, -2])

    assert target.rows(predicted, 0, 2) == [{"value": 1.5}, {"value": -2}]
    assert target.rows(predicted, 1, 2) == [{"value": -2}]
    assert predicted.codes is None


@INTERVAL
def test_quantiles_that_cross_are_sorted(target):
    predicted = decide(target, [[1, 2, 3], [3, 1, 2]])

    assert target.rows(predicted, 0, 2) == [{"value": 2, "interval": [1, 3]}] * 2
    assert predicted.scores.tolist() == [2, 2]
    assert predicted.outputs.tolist() == [[1, 2, 3]] * 2, "feedback is scored with what was answered"


@INTERVAL
def test_contributions_are_those_of_the_median(target):
    contributions = np.arange(2 * 3 * 6, dtype=np.float32).reshape(2, 3, 6)

    predicted = target.decide(np.zeros((2, 5), np.float32), np.zeros((2, 3), np.float32), contributions)

    assert predicted.contributions.tolist() == contributions[:, 1].tolist()


@BOTH
def test_all_rows_are_one_count(target):
    values = memoryview(np.zeros(3))

    target.count_labels(decide(target, np.zeros((7, 3))), values, 1)

    assert values.tolist() == [0, 7, 0]


@ONE
def test_errors_are_summed(target):
    counts = target.score(np.float32([1, 5]), [2.5, 3], 0.0)

    assert counts.tolist() == [2, 1.5**2 + 2**2, 1.5 + 2]


@INTERVAL
def test_errors_are_of_the_median_and_the_interval_has_its_ends(target):
    counts = target.score(np.float32([[1, 2, 4]] * 4), [1, 4, 0.9, 4.1], 0.0)

    assert counts.tolist() == [4, pytest.approx(1 + 4 + 1.1**2 + 2.1**2), pytest.approx(1 + 2 + 1.1 + 2.1), 2]


@BOTH
@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e39, -1e39, "3", True])
def test_value_that_would_spoil_a_sum_is_refused(target, value):
    with pytest.raises(ValidationError):
        TypeAdapter(target.truth_type).validate_python(value, strict=True)
