import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from bundle import Contract
from pipelines.config.params import EvaluateParams
from pipelines.dataset.rows import FrameRows
from pipelines.model.drift_reference import build_reference, mean_contributions
from pipelines.model.matrix import build_contract, encode, example_row
from pipelines.model.measure import predict
from pipelines.targets.bins import equal_width_bins
from tests.small_project import project_of


@pytest.fixture
def contract_of(schema):
    def make(table: pd.DataFrame) -> Contract:
        rows = FrameRows(table)
        return build_contract(rows, project_of(schema), example=example_row(rows, schema))

    return make


def build(table, contract):
    params = EvaluateParams(bins=4, category_bins=2)
    return build_reference(FrameRows(table), contract, np.linspace(0, 1, 50, dtype=np.float32), params=params)


def test_shares_match_a_direct_count(table, contract_of):
    bins = build(table, contract_of(table)).features["height"]

    values = table["height"].dropna().to_numpy(dtype=np.float32)
    direct = np.histogram(values, [-np.inf, *bins.edges, np.inf])[0] / len(table)

    assert bins.labels[-1] == "missing"
    np.testing.assert_allclose(bins.shares[:-1], direct)
    assert bins.shares[-1] == pytest.approx(table["height"].isna().mean())


def test_rare_categories_share_a_bin(table, contract_of):
    bins = build(table, contract_of(table)).features["kind"]

    counts = table["kind"].value_counts()
    assert bins.labels == (*counts.index[:2], "other", "missing")
    assert bins.shares[2] == pytest.approx(counts.iloc[2] / len(table))


def test_bool_has_two_named_bins(table, contract_of):
    bins = build(table, contract_of(table)).features["grafted"]

    assert bins.labels == ("false", "true", "missing")
    assert bins.shares[1] == pytest.approx(table["grafted"].mean())


def test_constant_column_has_bins_for_its_value_and_for_others(table, contract_of):
    constant = table.assign(height=3.0)

    bins = build(constant, contract_of(constant)).features["height"]

    assert bins.labels == ("below 3", "3 to 3", "above 3", "missing")
    assert bins.shares == (0.0, 1.0, 0.0, 0.0)


def test_outer_bins_hold_rare_values(table, contract_of):
    """A unit that was changed shows there although all values are still in order: visibility of 16 km for 10 miles."""
    often = table.assign(height=np.where(np.arange(len(table)) % 2, 10.0, 1 + np.arange(len(table)) / len(table)))

    bins = build(often, contract_of(often)).features["height"]

    assert bins.labels[-2] == "above 10"
    assert bins.shares[-2] == 0
    assert bins.shares[0] <= 0.002
    assert bins.edges[-1] == np.nextafter(np.float32(10), np.float32(11))


def test_labels_of_close_large_numbers_are_unique(table, contract_of):
    large = table.assign(height=8_000_000.0 + np.arange(len(table)) % 7)

    bins = build(large, contract_of(large)).features["height"]

    assert "8000002 to 8000003" in bins.labels or "8000001 to 8000003" in bins.labels
    assert len(set(bins.labels)) == len(bins.labels)


def test_empty_column_is_all_missing(table, contract_of):
    empty = table.assign(height=np.nan)

    assert build(empty, contract_of(empty)).features["height"].shares == (0.0, 1.0)


def test_score_has_bins_of_equal_width():
    bins = equal_width_bins(np.array([0.0, 0.1, 0.6, 1.0], dtype=np.float32), 2)

    assert bins.labels == ("below 0.5", "0.5 and above")
    assert bins.shares == (0.5, 0.5)


def test_contributions_exclude_the_base_value(booster, matrix, contract):
    names = [feature.name for feature in contract.features]
    rows = xgb.DMatrix(matrix, feature_names=names, feature_types=contract.feature_types, enable_categorical=True)
    values = booster.predict(rows, pred_contribs=True)

    found = mean_contributions(booster, matrix, contract)

    assert list(found) == names
    assert found["height"] == pytest.approx(np.abs(values[:, 0]).mean())
    assert found["height"] == max(found.values()), "what it was made from most"


def bins_of(table, contract_of, column, **params):
    contract = contract_of(table)
    scores = np.linspace(0, 1, 50, dtype=np.float32)
    return build_reference(FrameRows(table), contract, scores, params=EvaluateParams(**params)).features[column]


def test_category_without_training_rows_has_an_empty_bin(table, contract_of):
    bins = bins_of(table, contract_of, "kind", category_bins=10)

    assert dict(zip(bins.labels, bins.shares, strict=True))["quince"] == 0
    assert "other" not in bins.labels


def test_category_without_training_rows_shares_a_bin_if_bins_are_few(table, contract_of):
    only = table[table["kind"].isin(["apple", "pear"])]

    bins = bins_of(only, contract_of, "kind", category_bins=2)

    assert bins.labels[2:] == ("other", "missing")
    assert bins.shares[2:] == (0, 0)


def test_unknown_category_counts_as_missing(table, contract_of):
    contract = contract_of(table)
    rows = table.assign(kind="cherry")

    assert build(rows, contract).features["kind"].shares[-1] == 1


@pytest.mark.parametrize("category_bins", [2, 10])
def test_category_named_like_a_bin_is_counted_there(table, contract_of, category_bins):
    named = table.assign(soil=table["soil"].replace({"clay": "other", "loam": "missing"}))

    bins = bins_of(named, contract_of, "soil", category_bins=category_bins)
    shares = dict(zip(bins.labels, bins.shares, strict=True))

    assert bins.labels[-2:] == ("other", "missing")
    assert shares["missing"] == pytest.approx((named["soil"].isna() | (named["soil"] == "missing")).mean())
    assert shares["other"] == pytest.approx((named["soil"] == "other").mean())
    assert sum(bins.shares) == pytest.approx(1)


def test_labels_of_seven_digit_numbers_are_unique(table, contract_of):
    large = table.assign(height=1_000_000 + np.arange(len(table)) % 12)

    bins = bins_of(large, contract_of, "height", bins=10)

    assert len(bins.labels) == len(set(bins.labels)) > 9
    assert "1000001 to 1000002" in bins.labels


def test_largest_numbers_have_bins(table, contract_of):
    largest = float(np.finfo(np.float32).max)
    bins = bins_of(table.assign(height=np.linspace(-largest, largest, len(table))), contract_of, "height", bins=4)

    assert len(bins.edges) >= 3
    assert np.isfinite(bins.edges).all()
    assert sum(bins.shares) == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "changes", "outputs"),
    [("penguins", {}, [0, 1, 2]), ("diabetes", {}, [1]), ("diabetes", {"interval": None}, [0])],
)
def test_contributions_are_of_all_classes_or_of_the_median(trained, name, changes, outputs):
    made = trained(name, **changes)
    matrix = encode(made.test, made.contract)

    found = mean_contributions(made.fit.booster, matrix, made.contract)

    names = [feature.name for feature in made.contract.features]
    rows = xgb.DMatrix(matrix, feature_names=names, feature_types=made.contract.feature_types, enable_categorical=True)
    each = made.fit.booster.predict(rows, pred_contribs=True).reshape(len(matrix), -1, len(names) + 1)
    expected = np.mean([np.abs(each[:, output, :-1]).mean(axis=0) for output in outputs], axis=0)
    assert list(found.values()) == pytest.approx(expected.tolist(), rel=1e-5)


def test_score_of_three_classes_is_counted_by_predicted_class(trained):
    made = trained("penguins")
    outputs = predict(made.fit.booster, encode(made.test, made.contract))

    score = build_reference(FrameRows(made.train), made.contract, outputs, params=EvaluateParams()).score

    assert score.labels == ("adelie", "chinstrap", "gentoo")
    assert score.shares == pytest.approx(np.bincount(outputs.argmax(axis=1), minlength=3) / len(outputs))
