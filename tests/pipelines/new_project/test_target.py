import numpy as np
import pandas as pd
import pytest

from pipelines.errors import InvalidData
from pipelines.new_project.target import choose_target
from pipelines.new_project.values import look_at


def chosen(cells, kind=None):
    return choose_target(look_at(pd.Series(cells, name="y")), kind)


@pytest.mark.parametrize(
    ("cells", "kind", "classes", "values"),
    [
        (["no", "yes", "no", None], "binary", ("no", "yes"), ("no", "yes")),
        (["malignant", "benign", "malignant"], "binary", ("benign", "malignant"), ("benign", "malignant")),
        (["stays", "goes", "stays"], "binary", ("stays", "goes"), ("stays", "goes")),  # the rarer class
        (["0", "1", "0"], "binary", ("0", "1"), ()),
        (["1", "2", "2"], "binary", ("1", "2"), (1, 2)),
        (["True", "False"], "binary", ("false", "true"), ()),
        (["a", "b", "c"] * 2, "multiclass", ("a", "b", "c"), ("a", "b", "c")),
        ([0, 1, 2] * 10, "multiclass", ("0", "1", "2"), ()),
        ([3, 4, 5] * 10, "multiclass", ("3", "4", "5"), (3, 4, 5)),
        ([3, 4, 5], "regression", (), ()),  # too few rows of each
        ([1.5, 2.5, 3.5], "regression", (), ()),
    ],
)
def test_types_and_classes(cells, kind, classes, values):
    column = chosen(cells * 2 if kind == "binary" else cells).column

    assert (column.type, column.classes, column.values) == (kind, classes, values)


def test_truth_has_codes_and_gaps():
    found = chosen(["yes", "no", None, "yes", "yes", "no"])

    np.testing.assert_array_equal(found.truth, [1, 0, np.nan, 1, 1, 0])
    assert found.shares == {"no": pytest.approx(0.4), "yes": pytest.approx(0.6)}


def test_type_can_be_chosen():
    assert chosen([0, 1, 0, 1], "regression").column.type == "regression"
    assert chosen([1, 2, 3, 1, 2, 3], "multiclass").column.type == "multiclass"


@pytest.mark.parametrize(
    ("cells", "kind", "message"),
    [
        ([None, None], None, "is empty in every row"),
        ([1, 1, None], None, "is 1.0 in every row, so there is nothing to predict"),
        (["2025-01-01", "2025-01-02"], None, "has times; it must have classes or numbers"),
        ([*map(str, range(50)), "NA"], None, r"other texts \(NA\); empty these cells"),
        (["a", "b", "c"], "binary", "--type binary needs two values, and the target y has 3"),
        (["a", "b"] * 2, "regression", "--type regression needs numbers"),
        ([f"t{n}" for n in range(300)], None, "300 different values, and 3 to 100 classes are possible"),
        (["a", "a", "b", "b", "c"], None, r"classes with a single row \(c\)"),
    ],
)
def test_what_cannot_be_predicted(cells, kind, message):
    with pytest.raises(InvalidData, match=message):
        chosen(cells, kind)
