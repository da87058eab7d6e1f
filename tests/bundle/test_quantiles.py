import numpy as np

from bundle.quantiles import in_order


def test_each_row_is_sorted_on_its_own():
    quantiles = np.array([[1, 2, 3], [3, 1, 2]], dtype=np.float32)

    assert in_order(quantiles).tolist() == [[1, 2, 3], [1, 2, 3]]
    assert quantiles[1].tolist() == [3, 1, 2], "the given array stays as it is"
    assert in_order(quantiles).dtype == np.float32
