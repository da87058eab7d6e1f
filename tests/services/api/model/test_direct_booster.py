"""Bit for bit the numbers of XGBoost's own method, in any thread and in a forked process."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xgboost as xgb

from services.api.model.direct_booster import DIRECT_ROWS, SINGLE_ROWS, DirectBooster

ROWS = [1, 2, SINGLE_ROWS, SINGLE_ROWS + 1, 100, DIRECT_ROWS, DIRECT_ROWS + 1, 300]


def train(matrix, label, kinds, **params):
    names = [f"f{index}" for index in range(matrix.shape[1])]
    rows = xgb.DMatrix(matrix, label, feature_names=names, feature_types=kinds, enable_categorical=True)
    return xgb.train({"objective": "binary:logistic", "nthread": 1, "seed": 1, **params}, rows, 60)


@pytest.fixture(scope="module", params=[{}, {"booster": "dart", "rate_drop": 0.3}, {"max_cat_to_onehot": 1}])
def trained(request, contract, matrix):
    """Missing values, booleans and categories."""
    label = (np.nan_to_num(matrix[:, 0]) + 3 * matrix[:, 2] + 2 * matrix[:, 3] > 12).astype(int)
    return train(matrix, label, contract.feature_types, max_depth=5, **request.param)


def expected(booster, rows):
    return booster.inplace_predict(rows, validate_features=False)


@pytest.mark.parametrize("number", ROWS)
def test_same_numbers_as_inplace_predict(trained, matrix, number):
    found = DirectBooster(trained).predict(matrix[:number])

    assert found.dtype == np.float32 and found.shape == (number,)
    np.testing.assert_array_equal(found, expected(trained, matrix[:number]))


def test_every_row_alone_is_the_same_as_all_together(trained, matrix):
    direct = DirectBooster(trained)

    np.testing.assert_array_equal([direct.predict(row[None])[0] for row in matrix], expected(trained, matrix))


def test_result_is_not_overwritten_by_the_next_call(trained, matrix):
    direct = DirectBooster(trained)
    first = direct.predict(matrix[:1])
    kept = first.copy()
    direct.predict(matrix[1:2])

    np.testing.assert_array_equal(first, kept)


def test_threads_do_not_disturb_each_other(trained, matrix):
    direct, whole = DirectBooster(trained), expected(trained, matrix)

    def work(start):
        for _ in range(200):
            np.testing.assert_array_equal(direct.predict(matrix[start : start + 7]), whole[start : start + 7])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(0, 280, 7)))


def test_forked_process_predicts_the_same(trained, matrix):
    direct = DirectBooster(trained)
    whole = direct.predict(matrix[:20])
    child = os.fork()
    if not child:
        os._exit(int(not np.array_equal(direct.predict(matrix[:20]), whole)))

    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(
    "rows", [np.zeros((2, 5), order="F"), np.zeros((4, 5), np.float32)[::2], np.zeros((2, 10), np.float32)[:, ::2]]
)
def test_any_layout_of_the_matrix(trained, rows):
    plain = np.ascontiguousarray(rows, dtype=np.float32)

    np.testing.assert_array_equal(DirectBooster(trained).predict(rows), expected(trained, plain))


def test_wrong_number_of_features_is_refused(trained):
    with pytest.raises((ValueError, xgb.core.XGBoostError)):
        DirectBooster(trained).predict(np.zeros((1, 4), np.float32))
