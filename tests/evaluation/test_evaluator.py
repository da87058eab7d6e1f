"""lignum predicts only where it gives the numbers that XGBoost gave at the gate, bit for bit."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import lignum
import numpy as np
import pytest
import xgboost as xgb

from evaluation.evaluator import (
    DIFFERENT,
    FAILED,
    UNSUPPORTED,
    VERIFIED,
    create_evaluator,
    lignum_evaluator,
    load_lignum,
)
from evaluation.examination import SINGLE_ROWS, examine
from pipelines.model.golden_rows import record_golden_rows


def train(contract, matrix, **params):
    label = (np.nan_to_num(matrix[:, 0]) + 3 * matrix[:, 2] + 2 * matrix[:, 3] > 12).astype(int)
    names = [feature.name for feature in contract.features]
    rows = xgb.DMatrix(
        matrix, label, feature_names=names, feature_types=contract.feature_types, enable_categorical=True
    )
    booster = xgb.train({"objective": "binary:logistic", "nthread": 1, "seed": 1, **params}, rows, 60)
    return booster, bytes(booster.save_raw("ubj"))


@pytest.fixture
def choose_evaluator(bundle, contract):
    def choose(content):
        golden = record_golden_rows(content, contract)
        reason = examine(replace(bundle, model=content, golden_rows=golden))
        return create_evaluator(content, contract, reason)

    return choose


def expected(booster, rows):
    return booster.inplace_predict(rows, validate_features=False)


SUPPORTED = [
    {"max_depth": 5},
    {"max_depth": 0, "grow_policy": "lossguide", "max_leaves": 40},
    {"max_cat_to_onehot": 1},
    {"num_parallel_tree": 3},
    {"tree_method": "approx"},
]


@pytest.mark.parametrize("params", SUPPORTED)
@pytest.mark.parametrize("number", [1, 2, 7, 8, 300])
def test_lignum_gives_the_same_numbers(choose_evaluator, contract, matrix, params, number):
    booster, content = train(contract, matrix, **params)
    chosen = choose_evaluator(content)

    assert (chosen.name, chosen.reason) == ("lignum", VERIFIED)
    found = chosen.predict(matrix[:number])
    assert found.dtype == np.float32 and found.shape == (number,)
    np.testing.assert_array_equal(found, expected(booster, matrix[:number]))


def test_dart_is_predicted_by_xgboost(choose_evaluator, contract, matrix):
    booster, content = train(contract, matrix, booster="dart", rate_drop=0.3)
    chosen = choose_evaluator(content)

    assert (chosen.name, chosen.reason) == ("xgboost", UNSUPPORTED)
    np.testing.assert_array_equal(chosen.predict(matrix), expected(booster, matrix))


class Wrong:
    """Differs in the last bit of one row: of those that are predicted at once, or one at a time."""

    def __init__(self, model, is_raw, is_single):
        self._model, self._is_raw, self._is_single, self._calls = model, is_raw, is_single, 0

    def predict(self, rows, raw_score=False, n_jobs=1):
        found = self._model.predict(rows, raw_score=raw_score, n_jobs=n_jobs)
        if raw_score == self._is_raw and (len(found) == 1) == self._is_single:
            self._calls += 1
            if self._calls == (SINGLE_ROWS if self._is_single else 1):
                found[-1] = np.nextafter(np.float32(found[-1]), np.float32(9))
        return found


@pytest.mark.parametrize("is_raw", [True, False])
@pytest.mark.parametrize("is_single", [True, False])
def test_one_different_bit_is_enough_for_xgboost(
    choose_evaluator, contract, matrix, monkeypatch, caplog, is_raw, is_single
):
    booster, content = train(contract, matrix)
    load = lignum.load
    monkeypatch.setattr(lignum, "load", lambda *args, **options: Wrong(load(*args, **options), is_raw, is_single))
    chosen = choose_evaluator(content)

    assert (chosen.name, chosen.reason) == ("xgboost", DIFFERENT)
    assert "lignum differs from what the gate recorded" in caplog.text
    np.testing.assert_array_equal(chosen.predict(matrix), expected(booster, matrix))


@pytest.mark.parametrize(
    ("changes", "binned"),
    [
        ({"type": "float", "categories": None, "nullable": False}, False),
        ({"type": "float", "categories": None, "nullable": True}, True),
        ({"type": "category", "categories": {"a": 0, "b": 1}, "nullable": False}, True),
    ],
)
def test_values_are_binned_first_where_they_may_be_missing_or_categories(
    contract, matrix, monkeypatch, changes, binned
):
    _, content = train(contract, matrix)
    load, asked = lignum.load, []
    monkeypatch.setattr(lignum, "load", lambda *args, **options: asked.append(options) or load(*args, **options))
    number = next(feature for feature in contract.features if feature.categories is None)
    plain = number.model_copy(update={"nullable": False})
    features = (plain, plain.model_copy(update=changes))

    model = load_lignum(content, contract.model_copy(update={"features": features}))

    assert [one["binned"] for one in asked] == [binned]
    assert model.uses_binned == binned


def test_both_kernels_give_the_same_numbers(contract, matrix):
    booster, content = train(contract, matrix)
    number = next(feature for feature in contract.features if feature.categories is None)
    plain = contract.model_copy(update={"features": (number.model_copy(update={"nullable": False}),)})

    for one in (plain, contract):
        found = lignum_evaluator(content, one).predict(matrix)
        np.testing.assert_array_equal(found, expected(booster, matrix))


def test_model_that_lignum_cannot_load_is_predicted_by_xgboost(choose_evaluator, contract, matrix, caplog, monkeypatch):
    booster, content = train(contract, matrix)
    monkeypatch.setattr(lignum, "load", lambda *_args, **_options: 1 / 0)
    chosen = choose_evaluator(content)

    assert (chosen.name, chosen.reason) == ("xgboost", FAILED)
    assert "lignum cannot evaluate" in caplog.text
    np.testing.assert_array_equal(chosen.predict(matrix), expected(booster, matrix))


def test_threads_and_a_forked_process_get_the_same_numbers(choose_evaluator, contract, matrix):
    booster, content = train(contract, matrix)
    chosen, whole = choose_evaluator(content), expected(booster, matrix)

    def work(start):
        for _ in range(200):
            np.testing.assert_array_equal(chosen.predict(matrix[start : start + 9]), whole[start : start + 9])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(0, 270, 9)))
    child = os.fork()
    if not child:
        os._exit(int(not np.array_equal(chosen.predict(matrix), whole)))
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((2, 5), np.float32, order="F"),
        np.zeros((4, 5), np.float32)[::2],
        np.zeros((2, 10), np.float32)[:, ::2],
    ],
)
def test_any_layout_of_the_matrix(choose_evaluator, contract, matrix, rows):
    booster, content = train(contract, matrix)

    found = choose_evaluator(content).predict(rows)
    np.testing.assert_array_equal(found, expected(booster, np.ascontiguousarray(rows)))
