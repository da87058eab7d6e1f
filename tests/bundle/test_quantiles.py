import numpy as np

from bundle.quantiles import in_order


def test_quantiles_that_cross_are_sorted_by_row():
    outputs = np.array([[1, 2, 3], [3, 1, 2]], dtype=np.float32)

    found = in_order(outputs)

    assert found.tolist() == [[1, 2, 3], [1, 2, 3]]
    assert found.dtype == np.float32
    assert outputs.tolist() == [[1, 2, 3], [3, 1, 2]], "golden rows hold what the booster gave"
