"""Training and serving encode the same row to the same numbers."""

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from evaluation.bins import DriftCounter
from evaluation.encoding import encode as encode_rows
from evaluation.row_schema import row_type
from pipelines.config.params import EvaluateParams, TrainParams
from pipelines.config.schema import ROW_HASH
from pipelines.dataset.rows import FrameRows
from pipelines.model.boosting import train_booster
from pipelines.model.drift_reference import build_reference
from pipelines.model.matrix import build_contract, example_row
from pipelines.model.matrix import encode as encode_table
from tests.small_project import project_of

ROW = st.fixed_dictionaries(
    {
        "height": st.none() | st.floats(0, 50),
        "age": st.integers(0, 300),
        "grafted": st.booleans(),
        "kind": st.sampled_from(["apple", "pear", "plum", "cherry"]),
        "soil": st.none() | st.sampled_from(["clay", "loam", "peat", "sand", "moon"]),
    }
)


def test_training_and_serving_encode_equally(contract):
    # A busy machine is no reason to fail: nothing here measures time.
    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(ROW, min_size=1, max_size=20))
    def check(rows):
        np.testing.assert_array_equal(encode_rows(rows, contract), encode_table(pd.DataFrame(rows), contract))

    check()


@pytest.mark.parametrize("kind", ["quince", "pear"])
def test_category_without_training_rows_is_predicted(table, schema, kind):
    """The API accepts a category that the schema declares, and predicts what XGBoost predicts in training."""
    train = table[table["bears"].notna() & (table["kind"] != kind)].astype({"bears": float})
    example = example_row(FrameRows(train), schema)
    contract = build_contract(FrameRows(train), project_of(schema), example=example)
    params = TrainParams(seed=1, rounds=20, threads=1, booster={"max_depth": 4})
    booster = train_booster(
        FrameRows(train.assign(seen=pd.to_datetime(train["seen"]), **{ROW_HASH: range(len(train))})),
        contract,
        schema,
        params,
        lambda _note="": None,
    ).booster
    row = {**example, "kind": kind}

    checked = TypeAdapter(row_type(contract)).validate_python(row)
    matrix = encode_rows([checked], contract)

    assert matrix[0, 3] == list(schema.features[3].categories).index(kind)
    served = booster.inplace_predict(matrix, validate_features=False)
    names = [feature.name for feature in contract.features]
    trained = booster.predict(
        xgb.DMatrix(matrix, feature_names=names, feature_types=contract.feature_types, enable_categorical=True)
    )
    assert served == trained
    assert 0 < served[0] < 1
    counter = DriftCounter(contract, build_reference(FrameRows(train), contract, served, params=EvaluateParams()))
    [(place, count)] = counter.features["kind"].count(matrix[:, 3])
    assert (counter.features["kind"].labels[place], count) == (kind, 1)
