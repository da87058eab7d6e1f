"""A model that cannot be right is refused; who may evaluate it: test_evaluator.py."""

import dataclasses

import numpy as np
import pytest
import xgboost as xgb

from services.api.errors import BundleRefused
from services.api.model.evaluator import VERIFIED
from services.api.model.examination import examine


def with_model(model, other):
    return dataclasses.replace(model.bundle, model=bytes(other.save_raw("ubj")))


def test_good_model(model):
    assert examine(model.bundle) == VERIFIED


def test_other_features_than_in_the_contract(model):
    other = xgb.train({"objective": "binary:logistic"}, xgb.DMatrix(np.eye(4), [0, 1, 0, 1]), 2)

    with pytest.raises(BundleRefused, match="has 4 features, but its contract has 5"):
        examine(with_model(model, other))


def test_no_probability(model):
    other = xgb.train({"objective": "reg:squarederror", "base_score": 9.0}, xgb.DMatrix(np.eye(5), np.full(5, 9.0)), 1)

    with pytest.raises(BundleRefused, match="not a probability"):
        examine(with_model(model, other))
