"""The API's reader and encoder give the matrix and the predictions of training."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bundle import Identity, load_public_keys, read_bundle
from pipelines.errors import AlteredData
from pipelines.model import served_rows
from pipelines.model.served_rows import SERVED_ROWS, verify_served_rows

ROWS = 1200


@pytest.fixture
def read(make_bundle, tmp_path, keys):
    def read(kind="binary"):
        folder = make_bundle(tmp_path / kind, kind=kind)
        expected = Identity(name="orchard", version="7")
        return read_bundle(folder, expected=expected, trusted_keys=load_public_keys([keys.public]))

    return read


@pytest.fixture
def test_rows():
    random = np.random.default_rng(1)
    kinds, soils = ["apple", "pear", "plum"], ["clay", "loam", None]
    return pd.DataFrame(
        {
            "height": random.uniform(1, 9, ROWS).round(3),
            "age": random.integers(1, 60, ROWS).astype(float),
            "grafted": random.integers(0, 2, ROWS).astype(float),
            "kind": random.choice(kinds, ROWS),
            "soil": random.choice(np.array(soils, dtype=object), ROWS),
        }
    )


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression", "interval"])
def test_same_predictions_for_every_type_of_target(read, test_rows, schema, kind):
    evaluator = "xgboost" if kind == "interval" else "lignum"

    found = verify_served_rows(read(kind), test_rows, schema)

    assert found == f"the API's reader and {evaluator} give the same predictions for {SERVED_ROWS:,} test rows"


def test_rows_that_the_api_refuses_are_counted(read, test_rows, schema):
    test_rows.loc[[0, ROWS - 1], "kind"] = "quince"

    assert verify_served_rows(read(), test_rows, schema).endswith("for 998 test rows; it would refuse 2 more")


def test_rows_that_are_all_refused_are_an_error(read, test_rows, schema):
    with pytest.raises(AlteredData, match="would refuse all 5 test rows"):
        verify_served_rows(read(), test_rows.iloc[:5].assign(kind="quince"), schema)


def test_other_encoding_is_named_by_row_and_feature(read, test_rows, schema, monkeypatch):
    encode = served_rows.encode_served

    def shifted(rows, contract):
        matrix = encode(rows, contract)
        matrix[7, 1] += 1
        return matrix

    monkeypatch.setattr(served_rows, "encode_served", shifted)
    with pytest.raises(AlteredData, match=r"encode test row 8 differently: age is [\d.]+ for training and [\d.]+ for"):
        verify_served_rows(read(), test_rows.iloc[:20], schema)


def test_other_prediction_is_named_by_row(read, test_rows, schema, monkeypatch):
    predict = served_rows.predict

    def shifted(booster, matrix):
        found = predict(booster, matrix).copy()
        found[3] = np.nextafter(found[3], np.float32(1))
        return found

    monkeypatch.setattr(served_rows, "predict", shifted)
    with pytest.raises(AlteredData, match=r"for test row 4, but the API \(lignum\) would answer"):
        verify_served_rows(read(), test_rows.iloc[:20], schema)


def test_rows_without_an_optional_column_are_compared_too(read, test_rows, schema, monkeypatch):
    """As clients send them that do not know the column."""
    bundle, sent = read(), []
    soil = bundle.contract.features[-1].model_copy(update={"optional": True})
    contract = bundle.contract.model_copy(update={"features": (*bundle.contract.features[:-1], soil)})
    encode = served_rows.encode_served

    def recorded(rows, of):
        sent.extend(rows)
        return encode(rows, of)

    monkeypatch.setattr(served_rows, "encode_served", recorded)

    verify_served_rows(replace(bundle, contract=contract), test_rows, schema)

    assert 0 < sum("soil" not in row for row in sent) < len(sent)
