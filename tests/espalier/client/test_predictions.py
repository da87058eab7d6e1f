"""Predictions of every type of target from the real API, as JSON and as Arrow, and back as rows and JSON."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from espalier.client import (
    InvalidInput,
    MulticlassPrediction,
    Prediction,
    RegressionPrediction,
    UnexpectedAnswer,
)
from espalier.client.predictions import kind_of_columns, read_prediction

KINDS = {
    "binary": Prediction,
    "multiclass": MulticlassPrediction,
    "regression": RegressionPrediction,
    "interval": RegressionPrediction,
}
COLUMNS = {
    "binary": ["label", "probability"],
    "multiclass": ["label", "probability.none", "probability.some", "probability.many"],
    "regression": ["value"],
    "interval": ["value", "lower", "upper"],
}
TRUTH = {"multiclass": ["none", None, "many"], "regression": [3.5, None, 12], "interval": np.array([3.5, np.nan, 12])}

JSON = [
    {"label": "bare", "probability": 0.25},
    {"label": "bare", "probability": 0.25, "contributions": {"age": 0.5}, "base_value": -1.5},
    {"label": "some", "probabilities": {"none": 0.25, "some": 0.5, "many": 0.25}},
    {
        "label": "a.b",
        "probabilities": {"a": 0.25, "a.b": 0.5, "b": 0.25},
        "contributions": {"a": {"age": 0.5}, "a.b": {"age": 0.25}, "b": {"age": -1}},
        "base_value": {"a": 0, "a.b": 1, "b": 2},
    },
    {"value": 12.5},
    {"value": 12.5, "interval": [10, 15], "contributions": {"age": 0.5}, "base_value": 12},
]


@pytest.mark.parametrize("answer", JSON, ids=str)
def test_prediction_of_json_is_the_same_in_json(answer):
    assert read_prediction(answer).as_json() == answer


@pytest.mark.parametrize("answer", [one for one in JSON if "contributions" not in one], ids=str)
def test_prediction_of_columns_is_the_same(answer):
    prediction = read_prediction(answer)
    row = prediction.columns()

    assert kind_of_columns(row).from_columns(row) == prediction


def test_explained_predictions_have_the_columns_of_arrow():
    binary, multiclass, interval = (read_prediction(JSON[place]).columns() for place in (1, 3, 5))

    assert binary == {"label": "bare", "probability": 0.25, "base_value": -1.5, "contribution.age": 0.5}
    assert list(multiclass)[-6:] == [
        *("base_value.a", "base_value.a.b", "base_value.b"),
        *("contribution.a.age", "contribution.a.b.age", "contribution.b.age"),
    ]
    assert interval == {"value": 12.5, "lower": 10, "upper": 15, "base_value": 12, "contribution.age": 0.5}


@pytest.mark.parametrize("columns", [[], ["label"], ["probability"], ["lower", "upper"], ["probability.none"]], ids=str)
def test_other_columns_are_no_predictions(columns):
    with pytest.raises(UnexpectedAnswer, match="no predictions"):
        kind_of_columns(columns)


@pytest.mark.parametrize("transport", ["json", "arrow"])
@pytest.mark.parametrize("target_type", KINDS)
def test_every_kind_of_rows_gets_the_same_predictions(start_api, connect, rows, target_type, transport):
    client = connect(start_api(transport, target_type=target_type).url)

    listed = client.predict(rows(12)).predictions
    explained = client.predict(rows(12), explain=True).predictions
    frame = client.predict(pd.DataFrame(rows(12))).predictions
    table = client.predict(pa.Table.from_pylist(rows(12)), explain=True).predictions

    assert {type(one) for one in listed} == {KINDS[target_type]}
    assert frame.columns.tolist() == COLUMNS[target_type]
    kind = kind_of_columns(frame.columns)
    assert [kind.from_columns(row) for row in frame.to_dict("records")] == listed
    assert {name: kind for name, kind in frame.dtypes.items() if kind != "float32"}.keys() <= {"label"}
    assert table.column_names == list(explained[0].columns())
    assert table.to_pylist() == [pytest.approx(one.columns()) for one in explained]


@pytest.mark.parametrize("target_type", ["binary", "multiclass", "regression"])
def test_contributions_and_base_value_add_up(start_api, connect, rows, target_type):
    client = connect(start_api(target_type=target_type).url)
    one = client.predict(rows(1), explain=True).predictions[0]

    if isinstance(one, MulticlassPrediction):
        scores = np.array([one.base_value[name] + sum(one.contributions[name].values()) for name in one.probabilities])
        likely = np.exp(scores) / np.exp(scores).sum()
        assert likely.tolist() == pytest.approx(list(one.probabilities.values()), abs=1e-5)
        assert one.label == max(one.probabilities, key=one.probabilities.get)
        return
    total = one.base_value + sum(one.contributions.values())
    if isinstance(one, RegressionPrediction):
        assert total == pytest.approx(one.value, abs=1e-4)
        assert one.interval is None
    else:
        assert 1 / (1 + np.exp(-total)) == pytest.approx(one.probability, abs=1e-5)


def test_interval_has_the_value_inside(start_api, connect, rows):
    client = connect(start_api(target_type="interval").url)

    for one in client.predict(rows(12)).predictions:
        assert one.interval[0] <= one.value <= one.interval[1]


@pytest.mark.parametrize("target_type", TRUTH)
def test_feedback_is_counted(start_api, connect, rows, target_type):
    client = connect(start_api(target_type=target_type).url)

    assert client.feedback(client.predict(rows(3)), TRUTH[target_type]).counted == 2


def test_infinite_value_is_not_sent(start_api, connect, rows):
    client = connect(start_api(target_type="regression").url)

    with pytest.raises(InvalidInput, match="cannot be sent"):
        client.feedback(client.predict(rows(1)), [float("inf")])


def test_kind_is_checked(start_api, connect, rows):
    client = connect(start_api(target_type="multiclass").url)

    assert client.predict(rows(1), kind=MulticlassPrediction).predictions[0].label in ("none", "some", "many")
    for given in (rows(1), pd.DataFrame(rows(1))):
        with pytest.raises(UnexpectedAnswer, match="kind=MulticlassPrediction, not RegressionPrediction"):
            client.predict(given, kind=RegressionPrediction)
