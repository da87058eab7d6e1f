import numpy as np

from pipelines.targets.class_weights import class_weights

TRUTH = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 2], dtype=np.int8)
NAMES = ("apple", "pear", "plum")


def test_balanced_gives_every_class_the_same_weight_in_total():
    weights = class_weights(TRUTH, "balanced", NAMES)

    totals = [weights[TRUTH][TRUTH == code].sum() for code in range(3)]
    np.testing.assert_allclose(totals, [10 / 3] * 3, rtol=1e-6)


def test_classes_that_are_not_named_have_the_weight_one():
    np.testing.assert_array_equal(class_weights(TRUTH, {"plum": 7.0}, NAMES), [1, 1, 7])


def test_without_weights_there_are_none():
    assert class_weights(TRUTH, None, NAMES) is None
