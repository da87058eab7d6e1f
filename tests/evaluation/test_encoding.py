import numpy as np

from evaluation.encoding import encode


def test_values_are_encoded_in_the_order_of_the_contract(contract):
    row = {"soil": "loam", "kind": "plum", "grafted": True, "age": 12, "height": 3.5}

    np.testing.assert_array_equal(encode([row], contract), np.array([[3.5, 12, 1, 2, 1]], dtype=np.float32))


def test_null_and_unknown_category_are_missing(contract):
    row = {"soil": "moon", "kind": "plum", "grafted": False, "age": 12, "height": None}

    matrix = encode([row, row | {"soil": None}], contract)

    assert np.isnan(matrix[:, 0]).all()
    assert np.isnan(matrix[:, 4]).all()
