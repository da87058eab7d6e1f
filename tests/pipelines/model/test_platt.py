import json
from dataclasses import replace

import numpy as np
import pytest
import xgboost as xgb
from sklearn.linear_model import LogisticRegression

from bundle import PlattScaling, StoppedEarly
from evaluation.evaluator import lignum_evaluator
from pipelines.errors import InvalidData
from pipelines.model.early_stopping import Divided, Search
from pipelines.model.golden_rows import record_golden_rows
from pipelines.model.platt import calibrated, fit_platt, scaled

PLATT = PlattScaling(slope=0.83, intercept=-1.7)


def margins(booster, matrix):
    return booster.inplace_predict(matrix, predict_type="margin")


def contributions(booster, matrix, contract):
    rows = xgb.DMatrix(matrix, feature_types=contract.feature_types, enable_categorical=True)
    return booster.predict(rows, pred_contribs=True, validate_features=False)


def test_margins_are_scaled_and_shifted(booster, matrix):
    made = scaled(booster, PLATT)

    np.testing.assert_allclose(margins(made, matrix), 0.83 * margins(booster, matrix) - 1.7, atol=1e-5)
    assert made.num_boosted_rounds() == booster.num_boosted_rounds()


def test_explanations_are_those_of_the_scaled_margins(booster, matrix, contract):
    before, after = contributions(booster, matrix, contract), contributions(scaled(booster, PLATT), matrix, contract)

    np.testing.assert_allclose(after[:, :-1], 0.83 * before[:, :-1], atol=1e-5)
    np.testing.assert_allclose(after[:, -1], 0.83 * before[:, -1] - 1.7, atol=1e-5)


def test_lignum_and_the_file_give_the_same_bits(booster, contract):
    file = bytes(scaled(booster, PLATT).save_raw("ubj"))
    golden = record_golden_rows(file, contract)

    assert lignum_evaluator(file, contract).predict(golden.rows).astype("f4").tobytes() == golden.predictions.tobytes()
    again = xgb.Booster(model_file=bytearray(file))
    assert bytes(again.save_raw("ubj")) == file
    assert again.inplace_predict(golden.rows).tobytes() == golden.predictions.tobytes()


def test_slope_one_changes_nothing(booster, matrix):
    same = scaled(booster, PlattScaling(slope=1, intercept=0))

    np.testing.assert_allclose(margins(same, matrix), margins(booster, matrix), atol=1e-6)
    assert (
        json.loads(same.save_raw("json"))["learner"]["gradient_booster"]
        == json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]
    )


@pytest.fixture
def searched(booster, matrix, contract):
    """A search whose validation rows have other probabilities than the model predicts."""

    def make(truth_of):
        random = np.random.default_rng(1)
        rows = np.tile(matrix, (20, 1))
        likely = 1 / (1 + np.exp(-truth_of(margins(booster, rows).astype(float))))
        truth = (random.random(len(rows)) < likely).astype(np.int8)
        validation = xgb.DMatrix(rows, truth, feature_types=contract.feature_types, enable_categorical=True)
        rounds = booster.num_boosted_rounds()
        stopped = StoppedEarly(
            rounds=rounds, most_rounds=rounds, metric="logloss", value=0.5, validation_rows=len(rows)
        )
        plain = xgb.Booster(model_file=bytearray(booster.save_raw("ubj")))
        plain.feature_names = None
        return Search(stopped, plain), Divided(validation, validation, patience=1), truth, rows

    return make


def test_fit_finds_how_probabilities_are_off(searched, booster):
    search, divided, truth, rows = searched(lambda margin: 0.5 * margin + 1)

    found = fit_platt(search, divided)

    direct = LogisticRegression(C=1e9).fit(margins(booster, rows)[:, None], truth)
    assert found.slope == pytest.approx(direct.coef_[0, 0], rel=0.02)
    assert found.intercept == pytest.approx(direct.intercept_[0], abs=0.02)


def test_calibrated_probabilities_are_right_on_average(searched, trained, booster):
    search, divided, truth, rows = searched(lambda margin: margin - 1.5)
    made = trained("penguins")  # any fit
    fit = replace(made.fit, booster=booster)

    after = calibrated(fit, fit_platt(search, divided)).booster.inplace_predict(rows)

    assert abs(booster.inplace_predict(rows).mean() - truth.mean()) > 0.05
    assert after.mean() == pytest.approx(truth.mean(), abs=0.005)
    assert calibrated(fit, None) is fit


def test_model_that_ranks_the_wrong_way_is_reported(searched):
    search, divided, *_ = searched(lambda margin: -margin)

    with pytest.raises(InvalidData, match=r"train\.calibrate: .*slope -.*set calibrate to false"):
        fit_platt(search, divided)
