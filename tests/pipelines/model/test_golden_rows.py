"""Golden rows: every split point, its neighbours, every category and missing values, and XGBoost's numbers for them."""

import dataclasses
import json

import numpy as np
import pytest
import xgboost as xgb

from bundle import Identity, load_public_keys, read_bundle
from bundle.golden_rows import read_golden_rows
from pipelines.errors import AlteredData, InvalidData
from pipelines.model.golden_rows import record_golden_rows, verify_golden_rows


@pytest.fixture
def model(booster):
    return bytes(booster.save_raw("ubj"))


@pytest.fixture
def dart(contract, matrix):
    label = (np.nan_to_num(matrix[:, 0]) + 3 * matrix[:, 2] + 2 * matrix[:, 3] > 12).astype(int)
    rows = xgb.DMatrix(matrix, label, feature_types=contract.feature_types, enable_categorical=True)
    return xgb.train({"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.5, "seed": 1}, rows, 12)


@pytest.fixture
def read(make_bundle, tmp_path, keys):
    def read(**changes):
        folder = make_bundle(tmp_path / "bundle", **changes)
        expected = Identity(name="orchard", version="7")
        return read_bundle(folder, expected=expected, trusted_keys=load_public_keys([keys.public]))

    return read


def splits_of_height(booster):
    found = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]
    return {
        np.float32(condition)
        for tree in found.get("gbtree", found)["model"]["trees"]
        for feature, condition, left in zip(
            tree["split_indices"], tree["split_conditions"], tree["left_children"], strict=True
        )
        if feature == 0 and left >= 0
    }


@pytest.mark.parametrize("kind", ["booster", "dart"])
def test_values_lie_on_and_beside_every_split(request, contract, kind):
    booster = request.getfixturevalue(kind)
    splits = splits_of_height(booster)

    found = set(record_golden_rows(bytes(booster.save_raw("ubj")), contract).rows[:, 0].tolist())

    assert len(splits) > 3
    for split in splits:
        near = (split, np.nextafter(split, np.float32(-np.inf)), np.nextafter(split, np.float32(np.inf)))
        assert {float(value) for value in near} <= found


def test_every_category_and_missing_values_occur(golden_rows):
    rows = golden_rows.rows

    assert rows.shape == (10_000, 5) and rows.dtype == np.float32
    for column, codes in ((3, {0, 1, 2}), (4, {0, 1, 2, 3})):
        assert set(rows[~np.isnan(rows[:, column]), column].tolist()) == codes
    shares = np.isnan(rows).mean(axis=0)
    assert ((shares > 0.05) & (shares < 0.15)).all()


def test_rows_are_made_from_the_model_alone(booster, golden_rows):
    """No value of a training row, which the model does not have, is in the file."""
    splits = splits_of_height(booster)
    beside = {np.nextafter(split, np.float32(end)) for split in splits for end in (-np.inf, np.inf)}
    values = golden_rows.rows[~np.isnan(golden_rows.rows[:, 0]), 0]

    assert set(values.tolist()) == {float(v) for v in splits | beside} | set(
        np.float32([-1e30, -1, 0, 0.5, 1, 1e30]).tolist()
    )


@pytest.mark.parametrize("kind", ["booster", "dart"])
def test_numbers_are_xgboosts(request, contract, kind):
    booster = request.getfixturevalue(kind)

    found = record_golden_rows(bytes(booster.save_raw("ubj")), contract)

    assert found.booster == ("dart" if kind == "dart" else "gbtree")
    for name, kind_of_number in (("margins", "margin"), ("predictions", "value")):
        expected = booster.inplace_predict(found.rows, predict_type=kind_of_number, validate_features=False)
        np.testing.assert_array_equal(getattr(found, name), expected)
    assert len(set(found.margins.tolist())) > 10, "rows of one value would show no difference"


def test_same_model_gives_the_same_bytes(model, contract, golden_rows):
    assert record_golden_rows(model, contract).to_bytes() == golden_rows.to_bytes()


def test_model_of_another_contract_is_reported(model, contract):
    narrow = contract.model_construct(**{**dict(contract), "features": contract.features[:4]})

    with pytest.raises(InvalidData, match="has 5 features, but its contract has 4"):
        record_golden_rows(model, narrow)


def test_bundle_that_was_read_back_has_the_written_rows(read, golden_rows):
    verify_golden_rows(read(), golden_rows)


@pytest.mark.parametrize("name", ["rows", "margins", "predictions"])
def test_other_rows_than_the_written_ones_are_refused(read, golden_rows, name):
    array = getattr(golden_rows, name).copy()
    array.flat[np.flatnonzero(~np.isnan(array))[-1]] = 0.25
    written = dataclasses.replace(golden_rows, **{name: array})

    with pytest.raises(AlteredData, match="not the ones that were written"):
        verify_golden_rows(read(), written)


def test_bundle_without_golden_rows_is_refused(read, golden_rows):
    with pytest.raises(AlteredData, match="not the ones that were written"):
        verify_golden_rows(read(manifest_format=2), golden_rows)


@pytest.mark.parametrize("name", ["margins", "predictions"])
def test_one_bit_that_the_model_does_not_predict_is_refused(read, golden_rows, name):
    array = getattr(golden_rows, name).copy()
    array[1234] = np.nextafter(array[1234], np.float32(0))
    recorded = dataclasses.replace(golden_rows, **{name: array})

    with pytest.raises(AlteredData, match="does not predict its golden rows"):
        verify_golden_rows(read(golden=recorded), recorded)


@pytest.mark.parametrize(
    ("name", "changes", "outputs"), [("penguins", {}, 3), ("diabetes", {}, 3), ("diabetes", {"interval": None}, 1)]
)
def test_every_type_of_target_has_golden_rows(trained, name, changes, outputs):
    made = trained(name, **changes)

    golden = record_golden_rows(made.fit.model, made.contract)

    shape = (10_000,) if outputs == 1 else (10_000, outputs)
    assert golden.margins.shape == golden.predictions.shape == shape
    read = read_golden_rows(golden.to_bytes(), features=len(made.contract.features), target=made.contract.target)
    np.testing.assert_array_equal(read.predictions, golden.predictions)
    types, names = made.contract.feature_types, [feature.name for feature in made.contract.features]
    matrix = xgb.DMatrix(golden.rows, feature_names=names, feature_types=types, enable_categorical=True)
    np.testing.assert_array_equal(golden.predictions, made.fit.booster.predict(matrix))
