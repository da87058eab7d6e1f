import numpy as np
import pytest

from bundle import Target
from pipelines.scoring.predictions import count_labels, no_outputs, prediction_columns

CLASSES = Target(type="multiclass", name="kind", classes=("apple", "pear", "plum"))
VALUE = Target(type="regression", name="weight")
INTERVAL = Target(type="regression", name="weight", interval=0.8)


def floats(*values):
    return np.array(values, dtype=np.float32)


def lists(columns):
    return {name: column.to_pylist() for name, column in columns.items()}


def test_two_classes_give_label_and_probability(contract):
    outputs = floats(0.2, 0.5, 0.9)

    found, scores = prediction_columns(contract.target, outputs)

    assert lists(found) == {"label": ["bare", "bearing", "bearing"], "probability": outputs.tolist()}
    assert count_labels(found) == {"bare": 1, "bearing": 2}
    assert scores.tolist() == outputs.tolist()


def test_more_classes_give_label_and_all_probabilities():
    outputs = floats([0.5, 0.25, 0.25], [0.125, 0.125, 0.75])

    found, scores = prediction_columns(CLASSES, outputs)

    assert lists(found) == {
        "label": ["apple", "plum"],
        "probability.apple": [0.5, 0.125],
        "probability.pear": [0.25, 0.125],
        "probability.plum": [0.25, 0.75],
    }
    assert count_labels(found) == {"apple": 1, "pear": 0, "plum": 1}
    assert scores.tolist() == [0, 2]


def test_number_gives_a_value():
    outputs = floats(-1.5, 1e30)

    found, scores = prediction_columns(VALUE, outputs)

    assert lists(found) == {"value": outputs.tolist()}
    assert scores.tolist() == outputs.tolist()


def test_interval_gives_its_ends_and_the_median_in_order():
    outputs = floats([1, 2, 3], [6, 5, 4])

    found, scores = prediction_columns(INTERVAL, outputs)

    assert lists(found) == {"value": [2, 5], "lower": [1, 4], "upper": [3, 6]}
    assert scores.tolist() == [2, 5]
    assert count_labels(found) == {}


@pytest.mark.parametrize("target", [CLASSES, VALUE, INTERVAL], ids=["classes", "value", "interval"])
def test_refused_rows_have_none_in_every_column(target):
    outputs = floats([0.2, 0.3, 0.5], [0.2, 0.3, 0.5])
    outputs = outputs[:, 0] if target.outputs == 1 else outputs

    found, _ = prediction_columns(target, outputs, np.array([False, True]))

    assert found
    for column in found.values():
        assert [value is None for value in column.to_pylist()] == [False, True]


def test_refused_rows_of_two_classes_have_none(contract):
    found, _ = prediction_columns(contract.target, floats(0.2, 0.9), np.array([False, True]))

    assert lists(found) == {"label": ["bare", None], "probability": [floats(0.2)[0], None]}
    assert count_labels(found) == {"bare": 1, "bearing": 0}


@pytest.mark.parametrize("target", [CLASSES, VALUE, INTERVAL], ids=["classes", "value", "interval"])
def test_columns_of_no_rows_have_the_same_types(target):
    some = no_outputs(target)
    full = np.zeros((2, *some.shape[1:]), dtype=np.float32)

    (of_none, _), (of_some, _) = prediction_columns(target, some), prediction_columns(target, full)

    assert {name: column.type for name, column in of_none.items()} == {n: c.type for n, c in of_some.items()}
    assert all(len(column) == 0 for column in of_none.values())
