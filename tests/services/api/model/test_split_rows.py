"""Rows to compare evaluators on: every split point, its neighbours, every category, and missing values."""

import json

import numpy as np
import xgboost as xgb

from services.api.model.split_rows import rows_at_splits


def test_values_lie_on_and_beside_every_split(booster, contract):
    trees = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]["model"]["trees"]
    splits = {
        np.float32(condition)
        for tree in trees
        for feature, condition, left in zip(
            tree["split_indices"], tree["split_conditions"], tree["left_children"], strict=True
        )
        if feature == 0 and left >= 0
    }

    found = set(rows_at_splits(booster, contract, rows=10_000)[:, 0].tolist())

    assert len(splits) > 3
    for split in splits:
        near = (split, np.nextafter(split, np.float32(-np.inf)), np.nextafter(split, np.float32(np.inf)))
        assert {float(value) for value in near} <= found


def test_every_category_and_missing_values_occur(booster, contract):
    rows = rows_at_splits(booster, contract, rows=2000)

    assert rows.shape == (2000, 5) and rows.dtype == np.float32
    assert set(rows[~np.isnan(rows[:, 4]), 4].tolist()) == {0, 1, 2, 3}
    shares = np.isnan(rows).mean(axis=0)
    assert ((shares > 0.05) & (shares < 0.15)).all()


def test_rows_are_always_the_same(booster, contract):
    first, second = (rows_at_splits(booster, contract, rows=100) for _ in range(2))

    np.testing.assert_array_equal(first, second)


def test_boosters_that_are_no_plain_sum_of_trees_have_none(contract, matrix):
    label = (np.nan_to_num(matrix[:, 0]) > 9).astype(int)
    rows = xgb.DMatrix(np.nan_to_num(matrix), label)
    for params in ({"booster": "dart", "rate_drop": 0.5}, {"booster": "gblinear"}):
        assert rows_at_splits(xgb.train(params, rows, 2), contract, rows=10) is None
