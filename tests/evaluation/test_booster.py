import numpy as np
import pytest
import xgboost as xgb

from bundle import InvalidModel
from evaluation import booster as module


def test_same_numbers_as_xgboosts_own_matrix(booster, matrix, contract):
    names = [feature.name for feature in contract.features]
    own = xgb.DMatrix(matrix, feature_names=names, feature_types=contract.feature_types, enable_categorical=True)
    loaded = module.load_booster(bytes(booster.save_raw("ubj")))

    np.testing.assert_array_equal(module.predict(loaded, matrix), booster.predict(own))


def test_contributions_add_up_to_the_margin(booster, matrix, contract):
    margins = booster.inplace_predict(matrix, predict_type="margin", validate_features=False)

    np.testing.assert_allclose(module.explain(booster, matrix, contract).sum(axis=1), margins, atol=1e-5)


def test_other_content_is_refused_without_a_stack():
    with pytest.raises(InvalidModel, match="model is refused") as caught:
        module.load_booster(b"not a booster")
    assert "\n" not in str(caught.value)
