"""The model and the rows of the benchmark."""

import json

import numpy as np
import xgboost as xgb

from benchmarks.workload import DEPTH, FEATURES, TREES


def test_model_has_the_stated_shape(workload):
    model = json.loads(workload.json.read_text())["learner"]

    assert len(model["gradient_booster"]["model"]["trees"]) == TREES
    assert int(model["learner_model_param"]["num_feature"]) == FEATURES
    booster = xgb.Booster(model_file=workload.ubj)
    depths = booster.trees_to_dataframe().groupby("Tree")["ID"].count()
    assert depths.max() > 2**DEPTH, "the trees must be deep, or the model costs nothing"


def test_rows_are_the_same_number_in_json_and_in_float32(workload):
    again = np.array(json.loads(json.dumps(workload.rows[:50].tolist())), dtype=np.float32)

    assert np.array_equal(again, workload.rows[:50].astype(np.float32))
    assert max(len(repr(value)) for value in workload.rows[:50].ravel().tolist()) <= len("-1.2345")


def test_bodies_differ_and_wrap_around(workload):
    first, _ = workload.take(0, 100)
    second, expected = workload.take(1, 100)
    wrapped, _ = workload.take(3, 4000)

    assert not np.array_equal(first, second)
    assert np.array_equal(expected, workload.expected[100:200])
    assert np.array_equal(wrapped[-2000:], workload.rows[4000:6000])


def test_the_model_tells_rows_apart(workload):
    assert workload.expected.std() > 0.1
