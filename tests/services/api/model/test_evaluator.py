"""lignum predicts only where it gives XGBoost's numbers, bit for bit."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import lignum
import numpy as np
import pytest
import xgboost as xgb

from bundle import Contract
from services.api.model.evaluator import DIFFERENT, FAILED, UNSUPPORTED, VERIFIED, lignum_evaluator, xgboost_evaluator
from services.api.model.examination import ROWS, examine


def train(contract, matrix, **params):
    label = (np.nan_to_num(matrix[:, 0]) + 3 * matrix[:, 2] + 2 * matrix[:, 3] > 12).astype(int)
    names = [feature.name for feature in contract.features]
    rows = xgb.DMatrix(
        matrix, label, feature_names=names, feature_types=contract.feature_types, enable_categorical=True
    )
    booster = xgb.train({"objective": "binary:logistic", "nthread": 1, "seed": 1, **params}, rows, 60)
    return booster, bytes(booster.save_raw("ubj"))


@dataclass(frozen=True)
class Bundle:
    """What is examined of a bundle."""

    model: bytes
    contract: Contract


def choose_evaluator(content, contract):
    reason = examine(Bundle(content, contract))
    return lignum_evaluator(content) if reason == VERIFIED else xgboost_evaluator(content, reason)


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
def test_lignum_gives_the_same_numbers(contract, matrix, params, number):
    booster, content = train(contract, matrix, **params)
    chosen = choose_evaluator(content, contract)

    assert (chosen.name, chosen.reason) == ("lignum", VERIFIED)
    found = chosen.predict(matrix[:number])
    assert found.dtype == np.float32 and found.shape == (number,)
    np.testing.assert_array_equal(found, expected(booster, matrix[:number]))


def test_dart_is_predicted_by_xgboost(contract, matrix):
    booster, content = train(contract, matrix, booster="dart", rate_drop=0.3)
    chosen = choose_evaluator(content, contract)

    assert (chosen.name, chosen.reason) == ("xgboost", UNSUPPORTED)
    np.testing.assert_array_equal(chosen.predict(matrix), expected(booster, matrix))


class Wrong:
    """Differs in the last bit of one row in ten thousand."""

    def __init__(self, model, is_raw):
        self._model, self._is_raw = model, is_raw

    def predict(self, rows, raw_score=False, n_jobs=1):
        found = self._model.predict(rows, raw_score=raw_score, n_jobs=n_jobs)
        if raw_score == self._is_raw and len(found) == ROWS:
            found[1234] = np.nextafter(np.float32(found[1234]), np.float32(9))
        return found


@pytest.mark.parametrize("is_raw", [True, False])
def test_one_different_bit_is_enough_for_xgboost(contract, matrix, monkeypatch, caplog, is_raw):
    booster, content = train(contract, matrix)
    load = lignum.load
    monkeypatch.setattr(lignum, "load", lambda *args, **options: Wrong(load(*args, **options), is_raw))
    chosen = choose_evaluator(content, contract)

    assert (chosen.name, chosen.reason) == ("xgboost", DIFFERENT)
    assert "differs from XGBoost" in caplog.text
    np.testing.assert_array_equal(chosen.predict(matrix), expected(booster, matrix))


def test_model_that_lignum_cannot_load_is_predicted_by_xgboost(contract, matrix, caplog, monkeypatch):
    booster, content = train(contract, matrix)
    monkeypatch.setattr(lignum, "load", lambda *_args, **_options: 1 / 0)
    chosen = choose_evaluator(content, contract)

    assert (chosen.name, chosen.reason) == ("xgboost", FAILED)
    assert "lignum cannot evaluate" in caplog.text
    np.testing.assert_array_equal(chosen.predict(matrix), expected(booster, matrix))


def test_threads_and_a_forked_process_get_the_same_numbers(contract, matrix):
    booster, content = train(contract, matrix)
    chosen, whole = choose_evaluator(content, contract), expected(booster, matrix)

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
def test_any_layout_of_the_matrix(contract, matrix, rows):
    booster, content = train(contract, matrix)

    found = choose_evaluator(content, contract).predict(rows)
    np.testing.assert_array_equal(found, expected(booster, np.ascontiguousarray(rows)))


def test_metric_names_the_evaluator(client, sample):
    found = {
        (name, reason): sample("espalier_model_evaluator", evaluator=name, reason=reason)
        for name, reason in [("lignum", VERIFIED), *(("xgboost", one) for one in (UNSUPPORTED, DIFFERENT, FAILED))]
    }

    assert found.pop(("lignum", VERIFIED)) == 1
    assert set(found.values()) == {0}
