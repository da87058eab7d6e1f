"""Every kind of rows against the real API, as JSON and as Arrow."""

import importlib.util
import subprocess
import sys
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from espalier.client import ApiProblem, InvalidInput, UnexpectedAnswer
from espalier.client.results import Answered, Model
from espalier.client.rows import accept, plain_value

JSON, ARROW = "application/json", "application/vnd.apache.arrow.stream"


@pytest.fixture(params=["json", "arrow"])
def any_client(request, start_api, connect):
    """Of an API that knows only JSON, and of one that takes Arrow."""
    return connect(start_api(request.param).url)


def test_tables_are_sent_as_arrow_and_lists_as_json(api, client, rows):
    client.predict(pd.DataFrame(rows(3)))
    client.predict(pa.Table.from_pylist(rows(3)))
    client.predict(rows(3))
    client.predict(pd.DataFrame(rows(3)), explain=True)

    assert api.content_types() == [ARROW, ARROW, JSON, JSON]


def test_api_without_arrow_is_asked_for_it_once(start_api, connect, rows):
    api = start_api("json")
    client = connect(api.url)

    client.predict(pd.DataFrame(rows(3)))
    client.predict(pa.Table.from_pylist(rows(3)))

    assert api.content_types() == [ARROW, JSON, JSON]
    assert api.statuses("/v1/predict") == [415, 200, 200]


def test_pandas_without_pyarrow_is_sent_as_json(api, client, rows, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr("espalier.client.rows.find_spec", lambda name: None if name == "pyarrow" else find(name))

    assert len(client.predict(pd.DataFrame(rows(3))).predictions) == 3
    assert api.content_types() == [JSON]


def test_pandas_gives_a_frame_with_the_same_index(any_client, rows):
    frame = pd.DataFrame(rows(12)).set_index(pd.Index([f"T{n}" for n in range(12)], name="tree"))
    expected = any_client.predict(rows(12)).predictions

    result = any_client.predict(frame)

    assert isinstance(result.predictions, pd.DataFrame)
    assert list(result.predictions.columns) == ["label", "probability"]
    assert result.predictions.index.equals(frame.index)
    assert result.predictions["probability"].dtype == "float32"
    assert result.predictions["label"].tolist() == [prediction.label for prediction in expected]
    assert result.predictions["probability"].tolist() == [prediction.probability for prediction in expected]


def test_pandas_types_are_understood(any_client, rows):
    plain = pd.DataFrame(rows(12))
    typed = plain.astype({"kind": "category", "soil": "category", "height": "Float64", "age": "Int16"})

    assert any_client.predict(typed).predictions.equals(any_client.predict(plain).predictions)


def test_pyarrow_gives_a_table(any_client, rows):
    expected = any_client.predict(rows(12)).predictions
    table = pa.Table.from_pylist(rows(12))
    chunked = pa.concat_tables([table.slice(0, 5), table.slice(5)])
    encoded = table.set_column(3, "kind", table.column("kind").dictionary_encode())

    for given in (table, chunked, encoded, table.to_batches()[0]):
        result = any_client.predict(given).predictions
        assert isinstance(result, pa.Table)
        assert result.schema == pa.schema({"label": pa.string(), "probability": pa.float32()})
        assert result.column("label").to_pylist() == [prediction.label for prediction in expected]
        assert result.column("probability").to_pylist() == [prediction.probability for prediction in expected]


def test_polars_gives_a_frame(any_client, rows, polars):
    expected = any_client.predict(rows(12)).predictions
    frame = polars.DataFrame(rows(12))

    for given in (frame, frame.with_columns(polars.col("kind").cast(polars.Categorical))):
        result = any_client.predict(given).predictions
        assert isinstance(result, polars.DataFrame)
        assert result.schema == {"label": polars.String, "probability": polars.Float32}
        assert result["label"].to_list() == [prediction.label for prediction in expected]
        assert result["probability"].to_list() == [prediction.probability for prediction in expected]


def test_nan_is_a_missing_value_in_every_table(any_client, row, tables):
    expected = any_client.predict([{**row, "height": None}]).predictions[0].probability

    for table in tables([{**row, "height": float("nan")}]):
        assert pa.table(any_client.predict(table).predictions)["probability"].to_pylist() == [expected]


@pytest.fixture
def tables():
    """The same rows as a table of each library that is installed."""
    kinds = [pd.DataFrame, pa.Table.from_pylist]
    if importlib.util.find_spec("polars"):
        import polars

        kinds.append(polars.DataFrame)
    return lambda rows: [kind(rows) for kind in kinds]


def test_contributions_are_columns(client, rows, contract, tables):
    names = ["label", "probability", "base_value", *(f"contribution.{feature.name}" for feature in contract.features)]

    for table in tables(rows(3)):
        result = pa.table(client.predict(table, explain=True).predictions)
        assert result.column_names == names
        assert result.num_rows == 3


def test_column_with_several_types_is_explained_by_the_api(any_client, rows):
    frame = pd.DataFrame(rows(3)).astype({"age": object})
    frame.loc[1, "age"] = "old"

    with pytest.raises(ApiProblem, match=r"rows\[1\]\.age must be a whole number"):
        any_client.predict(frame)


def test_labels_of_every_kind_of_column_are_taken(client, rows):
    labels = pd.Series(["bare", None, "bearing"])
    for given in (labels, labels.to_numpy(), pa.array(labels), pa.chunked_array([pa.array(labels)]), tuple(labels)):
        assert client.feedback(client.predict(pd.DataFrame(rows(3))), given).counted == 2


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ({"height": 1}, r"got builtins\.dict"),
        ("height", r"got builtins\.str"),
        ([1, 2], r"got builtins\.list"),
        (pd.Series([1]), "Series"),
        ([], "no rows"),
        (pd.DataFrame({"height": []}), "no rows"),
        (pa.table({"height": []}), "no rows"),
        (pd.DataFrame([[1, 2]], columns=["height", "height"]), "same name"),
        ([{"height": float("inf")}], "cannot be sent as JSON"),
        ([{"height": Decimal("1.5")}], "cannot be sent as JSON"),
    ],
    ids=str,
)
def test_other_rows_are_refused_before_anything_is_sent(connect, rows, reason):
    with pytest.raises(InvalidInput, match=reason):
        connect("http://127.0.0.1:1").predict(rows)


def test_plain_values_stay_as_they_are():
    assert [plain_value(value) for value in (None, True, 3, 0.5, "pear")] == [None, True, 3, 0.5, "pear"]


def test_models_with_other_outputs_give_no_table():
    made = [
        Answered(Model("fruit", version), "", "", 1, columns=columns)
        for version, columns in (("1", {"value": [1.5]}), ("2", {"value": [1.5], "lower": [1.0], "upper": [2.0]}))
    ]

    with pytest.raises(UnexpectedAnswer, match="versions 1 and 2 have other columns"):
        accept(pd.DataFrame({"height": [1, 2]})).answer(made)


def test_no_table_library_is_imported_for_dictionaries():
    code = (
        "from espalier.client.rows import accept; import sys; accept([{'height': 1.5}]).records(0, 1); "
        "print(sorted({'numpy', 'pandas', 'polars', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
