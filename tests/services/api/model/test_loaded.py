import numpy as np
import pytest
import xgboost as xgb

from evaluation.evaluator import REASONS, VERIFIED
from services.api.errors import BundleRefused
from services.api.model.loaded import load_model
from services.api.model.source import ServedBundle


def test_same_numbers_as_xgboosts_own_matrix(model, matrix, contract):
    names = [feature.name for feature in contract.features]
    own = xgb.DMatrix(matrix, feature_names=names, feature_types=contract.feature_types, enable_categorical=True)

    np.testing.assert_array_equal(model.predict(matrix), model.booster.predict(own))


def test_contributions_add_up_to_the_prediction(model, matrix):
    contributions = model.explain(matrix)

    assert contributions.shape == (300, 6)
    np.testing.assert_allclose(1 / (1 + np.exp(-contributions.sum(axis=1))), model.predict(matrix), atol=1e-5)


def test_refused_bundle_is_reported(served, requested):
    (served.folder / "manifest.sig").write_bytes(b"0" * 64)

    with pytest.raises(BundleRefused, match="version 7 is refused"):
        load_model(served, requested)


def test_golden_rows_are_not_kept(model, bundle):
    assert bundle.golden_rows is not None
    assert model.bundle.golden_rows is None


def test_bundle_of_an_earlier_format_is_served_by_xgboost(make_bundle, requested, tmp_path, matrix, booster):
    folder = make_bundle(tmp_path / "older", manifest_format=2)
    loaded = load_model(ServedBundle("orchard", "7", folder, "registry"), requested)

    assert (loaded.evaluator.name, loaded.evaluator.reason) == ("xgboost", "no_golden_rows")
    np.testing.assert_array_equal(loaded.predict(matrix), booster.inplace_predict(matrix, validate_features=False))


def test_signed_file_that_is_not_a_booster_is_refused(make_bundle, requested, tmp_path):
    folder = make_bundle(tmp_path / "broken", version="8", model=b"not a booster")

    with pytest.raises(BundleRefused, match="refused"):
        load_model(ServedBundle("orchard", "8", folder, "registry"), requested)


def test_booster_with_other_features_than_its_contract_is_refused(make_bundle, requested, tmp_path):
    other = xgb.train({"objective": "binary:logistic"}, xgb.DMatrix(np.eye(4), [0, 1, 0, 1]), 2)
    folder = make_bundle(tmp_path / "other", version="8", model=bytes(other.save_raw("ubj")))

    with pytest.raises(BundleRefused, match="has 4 features, but its contract has 5"):
        load_model(ServedBundle("orchard", "8", folder, "registry"), requested)


def test_booster_without_probabilities_is_refused(make_bundle, requested, tmp_path):
    other = xgb.train({"objective": "reg:squarederror", "base_score": 9.0}, xgb.DMatrix(np.eye(5), np.full(5, 9.0)), 1)
    folder = make_bundle(tmp_path / "other", version="8", model=bytes(other.save_raw("ubj")))

    with pytest.raises(BundleRefused, match="not a probability"):
        load_model(ServedBundle("orchard", "8", folder, "registry"), requested)


@pytest.mark.parametrize(
    ("target_type", "evaluator", "reason"),
    [
        ("multiclass", "lignum", "verified"),
        ("regression", "lignum", "verified"),
        ("interval", "xgboost", "unsupported"),
    ],
)
@pytest.mark.parametrize("rows", [1, 300])
def test_other_targets_have_the_same_numbers(model, matrix, small_model, target_type, evaluator, reason, rows):
    booster = small_model(target_type).booster

    assert (model.evaluator.name, model.evaluator.reason) == (evaluator, reason)
    found, expected = model.predict(matrix[:rows]), booster.inplace_predict(matrix[:rows], validate_features=False)
    assert found.shape == expected.shape and found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("target_type", ["multiclass", "regression", "interval"])
def test_contributions_of_other_targets_add_up_to_the_margins(model, matrix):
    contributions = model.explain(matrix)

    margins = model.booster.inplace_predict(matrix, predict_type="margin", validate_features=False)
    np.testing.assert_allclose(contributions.sum(axis=-1), margins, atol=1e-4)


@pytest.mark.parametrize(("target_type", "other"), [("multiclass", "binary"), ("binary", "multiclass")])
def test_booster_of_another_target_than_its_contract_is_refused(
    make_bundle, requested, tmp_path, small_model, target_type, other
):
    folder = make_bundle(tmp_path / "other", kind=target_type, version="8", model=small_model(other).file)

    with pytest.raises(BundleRefused, match=r"output\(s\) for a row, but its target, which is"):
        load_model(ServedBundle("orchard", "8", folder, "registry"), requested)


def test_metric_names_the_evaluator(client, sample):
    found = {
        (name, reason): sample("espalier_model_evaluator", evaluator=name, reason=reason)
        for name, reason in [("lignum", VERIFIED), *(("xgboost", one) for one in REASONS if one != VERIFIED)]
    }

    assert found.pop(("lignum", VERIFIED)) == 1
    assert set(found.values()) == {0}
