import numpy as np
import pytest

from services.api.prediction.targets.explanations import ClassExplanations, Explanations

ONE = np.float32([[1, -2, 10], [3, 4, 10]])
BY_CLASS = np.float32([[[1, -2, 10], [3, 4, 20], [-5, 6, 30]], [[0, 1, 10], [0, 1, 20], [3, 1, 30]]])


@pytest.fixture
def one():
    return Explanations(["height", "age"], unit="kg", base="Without")


@pytest.fixture
def by_class():
    return ClassExplanations(["height", "age"], ["none", "some", "many"])


def test_contributions_are_added_to_predictions(one):
    predictions = [{}, {}]

    one.add(predictions, ONE)

    assert predictions[0] == {"contributions": {"height": 1, "age": -2}, "base_value": 10}
    assert predictions[1] == {"contributions": {"height": 3, "age": 4}, "base_value": 10}


def test_contributions_of_every_class_are_added_to_predictions(by_class):
    predictions = [{}, {}]

    by_class.add(predictions, BY_CLASS)

    assert predictions[0] == {
        "contributions": {
            "none": {"height": 1, "age": -2},
            "some": {"height": 3, "age": 4},
            "many": {"height": -5, "age": 6},
        },
        "base_value": {"none": 10, "some": 20, "many": 30},
    }


def test_columns_have_the_values_of_their_names(one, by_class):
    assert dict(zip(one.columns, map(list, one.read_columns(ONE)), strict=True)) == {
        "base_value": [10, 10],
        "contribution.height": [1, 3],
        "contribution.age": [-2, 4],
    }
    assert dict(zip(by_class.columns, map(list, by_class.read_columns(BY_CLASS)), strict=True)) == {
        "base_value.none": [10, 10],
        "base_value.some": [20, 20],
        "base_value.many": [30, 30],
        "contribution.none.height": [1, 0],
        "contribution.none.age": [-2, 1],
        "contribution.some.height": [3, 0],
        "contribution.some.age": [4, 1],
        "contribution.many.height": [-5, 3],
        "contribution.many.age": [6, 1],
    }


def test_sums_are_of_absolute_values_and_of_classes_the_mean(one, by_class):
    assert one.sums(ONE) == [4, 6]
    assert by_class.sums(BY_CLASS) == pytest.approx([(1 + 3 + 5) / 3 + 1, (2 + 4 + 6) / 3 + 1])
