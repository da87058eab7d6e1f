import numpy as np
import pytest

from bundle import InvalidModel
from evaluation.example import check_example


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("binary", [0.0]),
        ("binary", [1.0]),
        ("multiclass", [[0.25, 0.25, 0.5]]),
        ("multiclass", [[0.33334, 0.33334, 0.33334]]),
        ("regression", [-1e30]),
        ("interval", [[3.0, 1.0, 2.0]]),
    ],
)
def test_predictions(small_model, kind, found):
    check_example(small_model(kind).contract, lambda _rows: np.float32(found))


@pytest.mark.parametrize(
    ("kind", "found", "message"),
    [
        ("binary", [1.5], "predicts 1.5 for its own example, which is not a probability"),
        ("binary", [np.nan], "predicts nan for its own example"),
        ("multiclass", [[0.5, 0.5, 0.5]], "predicts 0.5, 0.5, 0.5 .* not a list of probabilities that add up to 1"),
        ("multiclass", [[2.0, -0.5, -0.5]], "not a list of probabilities"),
        ("multiclass", [0.5], r"has 1 output\(s\) for a row, but its target, which is multiclass, has 3"),
        ("binary", [[0.5, 0.5]], r"has 2 output\(s\) for a row, but its target, which is binary, has 1"),
        ("regression", [np.inf], "predicts inf for its own example, which is not a finite number"),
        ("interval", [[1.0, np.nan, 2.0]], "not a finite number"),
        ("interval", [1.0], r"has 1 output\(s\) for a row, but its target, which is regression, has 3"),
    ],
)
def test_refused(small_model, kind, found, message):
    with pytest.raises(InvalidModel, match=message):
        check_example(small_model(kind).contract, lambda _rows: np.float32(found))
