"""lignum predicts only where it gives the numbers that XGBoost gave at the gate, bit for bit."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import lignum
import numpy as np
import pytest
import xgboost as xgb

from pipelines.model.golden_rows import record_golden_rows
from services.api.model.evaluator import (
    DIFFERENT,
    FAILED,
    KERNELS,
    REASONS,
    UNSUPPORTED,
    VERIFIED,
    lignum_evaluator,
    xgboost_evaluator,
)
from services.api.model.examination import SINGLE_ROWS, examine


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
        return lignum_evaluator(content, golden.rows) if reason == VERIFIED else xgboost_evaluator(content, reason)

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


@pytest.mark.parametrize("kernel", KERNELS)
def test_both_kernels_are_compared(choose_evaluator, contract, matrix, monkeypatch, kernel):
    _, content = train(contract, matrix)
    load = lignum.load

    def load_one_wrong(path, *, binned, **options):
        model = load(path, binned=binned, **options)
        return Wrong(model, True, False) if binned == kernel else model

    monkeypatch.setattr(lignum, "load", load_one_wrong)
    assert choose_evaluator(content).reason == DIFFERENT


@pytest.mark.parametrize("slow", KERNELS)
def test_faster_kernel_predicts(contract, matrix, monkeypatch, slow):
    booster, content = train(contract, matrix)
    load, asked = lignum.load, []

    def load_watched(path, *, binned, **options):
        return Watched(load(path, binned=binned, **options), binned, asked, is_slow=binned == slow)

    monkeypatch.setattr(lignum, "load", load_watched)
    evaluator = lignum_evaluator(content, matrix)
    assert set(asked) == set(KERNELS)
    asked.clear()

    np.testing.assert_array_equal(evaluator.predict(matrix), expected(booster, matrix))
    assert asked == [not slow]


class Watched:
    """A kernel that notes when it is asked, and computes for a while first if it is slow."""

    def __init__(self, model, binned, asked, *, is_slow):
        self._model, self._binned, self._asked, self._is_slow = model, binned, asked, is_slow

    def predict(self, rows, **options):
        self._asked.append(self._binned)
        end = time.thread_time() + (0.02 if self._is_slow else 0)
        while time.thread_time() < end:
            pass
        return self._model.predict(rows, **options)


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


def test_metric_names_the_evaluator(client, sample):
    found = {
        (name, reason): sample("espalier_model_evaluator", evaluator=name, reason=reason)
        for name, reason in [("lignum", VERIFIED), *(("xgboost", one) for one in REASONS if one != VERIFIED)]
    }

    assert found.pop(("lignum", VERIFIED)) == 1
    assert set(found.values()) == {0}
