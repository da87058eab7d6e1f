import numpy as np
import pandas as pd
import pytest

from pipelines.config.params import EvaluateParams
from pipelines.dataset.rows import FrameRows
from pipelines.errors import InvalidData
from pipelines.model.matrix import build_contract, encode, example_row, labels, to_records
from tests.small_project import binary, project_of


@pytest.fixture
def built(table, schema):
    return build_contract(FrameRows(table), project_of(schema), example=example_row(FrameRows(table), schema))


def test_categories_are_declared_or_those_of_the_training_rows(built, table):
    features = {feature.name: feature for feature in built.features}

    assert "quince" not in set(table["kind"])
    assert features["kind"].categories == {"apple": 0, "pear": 1, "plum": 2, "quince": 3}
    assert features["soil"].categories == {"clay": 0, "loam": 1, "peat": 2, "sand": 3}


def test_contract_has_all_properties_of_the_schema(table, schema):
    built = build_contract(
        FrameRows(table),
        project_of(schema, evaluate=EvaluateParams(threshold=0.35)),
        example=example_row(FrameRows(table), schema),
    )

    assert built.target.threshold == 0.35
    assert built.target.classes == schema.target.classes
    for feature, column in zip(built.features, schema.features, strict=True):
        for name in ("name", "type", "unit", "description", "nullable", "minimum", "maximum", "unknown_category"):
            assert getattr(feature, name) == getattr(column, name), (column.name, name)
    assert (built.features[0].nullable, built.features[0].minimum, built.features[0].maximum) == (True, 0, 50)


def test_categories_and_missing_values_are_encoded(built, table):
    rows = table.head(3).copy()
    rows["kind"] = ["plum", "cherry", "apple"]
    rows.loc[rows.index[0], "height"] = np.nan

    matrix = encode(rows, built)

    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix[:, 3], np.array([2, np.nan, 0], dtype=np.float32))
    assert np.isnan(matrix[0, 0])


def test_example_is_a_row_with_plain_values(built, table):
    example = built.example

    assert type(example["age"]) is int
    assert type(example["grafted"]) is bool
    assert None not in example.values()
    assert ((table["height"] == example["height"]) & (table["kind"] == example["kind"])).any()


def test_records_have_none_for_missing_values(table, schema):
    rows = table.head(2).copy()
    rows["soil"] = [None, "clay"]

    assert [row["soil"] for row in to_records(rows, schema)] == [None, "clay"]


def test_empty_category_column_is_rejected(table, schema):
    with pytest.raises(InvalidData, match="column soil is empty"):
        build_contract(FrameRows(table.assign(soil=None)), project_of(schema), example={})


def test_labels_are_zeros_and_ones(schema):
    assert labels(pd.DataFrame({"bears": [0.0, 1.0]}), binary()).tolist() == [0, 1]
