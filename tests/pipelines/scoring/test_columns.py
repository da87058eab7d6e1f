"""A batch is encoded as the API encodes the same rows, and refused for the same reasons."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.scoring.columns import Encoder, check_types
from services.api.errors import InvalidRows
from services.api.prediction.validation import RowReader

KINDS = st.sampled_from(["apple", "pear", "plum"])
ROW = st.fixed_dictionaries(
    {
        "height": st.none() | st.floats(-1, 51) | st.floats(allow_nan=False, allow_infinity=False),
        "age": st.none() | st.integers(-2, 302),
        "grafted": st.none() | st.booleans(),
        "kind": st.none() | KINDS | st.text(max_size=3),
        "soil": st.none() | st.sampled_from(["clay", "loam"]) | st.text(max_size=201),
    }
)
CODED = pa.dictionary(pa.int32(), pa.string())
TYPES = {"height": pa.float64(), "age": pa.int64(), "grafted": pa.bool_(), "kind": pa.string(), "soil": pa.string()}


@pytest.fixture(scope="module")
def encoder(contract):
    return Encoder(contract)


def batch(rows, **types):
    kinds = TYPES | types
    return pa.record_batch({name: pa.array([row[name] for row in rows], kinds[name]) for name in kinds})


@pytest.mark.parametrize("types", [{}, {"kind": CODED, "soil": CODED}, {"kind": pa.large_string()}])
def test_same_numbers_and_refusals_as_the_api(contract, encoder, types):
    reader = RowReader(contract, max_rows=5)

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(ROW, min_size=1, max_size=5))
    def check(rows):
        found = encoder.encode_batch(batch(rows, **types))
        problems = {(one.row, encoder.explain(one)) for one in found.wrong}
        try:
            np.testing.assert_array_equal(found.matrix, reader.read_matrix(json.dumps({"rows": rows}).encode()))
            assert problems == set()
        except InvalidRows as error:
            assert problems == {in_words(problem) for problem in error.problems}

    check()


def in_words(problem):
    """Row and text of a problem such as ``rows[1].age`` "must be …"."""
    row, _, name = problem.field.removeprefix("rows[").partition("].")
    return int(row), f"{name} {problem.message}"


def test_batches_do_not_share_what_is_wrong(contract, encoder):
    wrong = batch([{**contract.example, "age": -1}])

    assert len(encoder.encode_batch(wrong).wrong) == 1
    assert encoder.encode_batch(batch([contract.example])).wrong == []


@pytest.mark.parametrize("kind", ["int8", "uint16", "float16", "float32", "float64"])
def test_numbers_of_any_width(contract, encoder, kind):
    found = encoder.encode_batch(batch([contract.example], age=getattr(pa, kind)(), height=getattr(pa, kind)()))

    assert found.matrix[0, :2].tolist() == [3.5 if "float" in kind else 3, 12]
    assert not found.wrong


def test_whole_numbers_and_switches_that_pandas_made_floats(contract, encoder):
    rows = [{**contract.example, "age": 12.0, "grafted": 1.0}, {**contract.example, "age": 12.5, "grafted": 0.5}]

    found = encoder.encode_batch(batch(rows, age=pa.float64(), grafted=pa.float64()))

    assert found.matrix[0, 1:3].tolist() == [12, 1]
    assert [(one.row, encoder.explain(one)) for one in found.wrong] == [
        (1, "age must be a whole number from 0 to 300 a"),
        (1, "grafted must be true or false"),
    ]


def test_nan_is_a_missing_value(contract, encoder):
    rows = pa.record_batch({name: pa.array([value] * 2) for name, value in contract.example.items()})
    rows = rows.set_column(0, "height", pa.array([float("nan"), None]))

    found = encoder.encode_batch(rows)

    assert np.isnan(found.matrix[:, 0]).all() and not found.wrong


def test_column_without_values(contract, encoder):
    rows = batch([{**contract.example, "height": None}], height=pa.null())

    assert np.isnan(encoder.encode_batch(rows).matrix[0, 0])


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"age": None}, "column age is missing; it must be a whole number from 0 to 300 a"),
        ({"age": pa.string()}, "column age has the type string, and must be a whole number from 0 to 300 a"),
        ({"age": pa.bool_()}, "column age has the type bool, and must be a whole number from 0 to 300 a"),
        ({"grafted": pa.string()}, "column grafted has the type string, and must be true or false"),
        ({"kind": pa.int64()}, "column kind has the type int64, and must be one of apple, pear, plum"),
        ({"height": pa.decimal128(5, 2)}, "column height has the type decimal128(5, 2), and must be a number"),
    ],
)
def test_columns_that_do_not_fit(contract, changes, problem):
    types = {name: kind for name, kind in (TYPES | changes).items() if kind is not None}

    (found,) = check_types(pa.schema(types.items()), contract)

    assert found.startswith(problem)


def test_further_columns_are_ignored(contract):
    assert check_types(pa.schema([*TYPES.items(), ("tree", pa.string())]), contract) == []
    assert "age is there twice" in check_types(pa.schema([*TYPES.items(), ("age", pa.int64())]), contract)[0]


def test_table_without_an_optional_column_is_scored_as_with_missing_values(contract):
    optional = contract.features[0].model_copy(update={"optional": True})
    evolved = contract.model_copy(update={"features": (optional, *contract.features[1:])})
    row = dict(contract.example)
    whole = batch([{**row, "height": None}])
    without = whole.select([name for name in whole.schema.names if name != "height"])

    assert check_types(without.schema, evolved) == []
    assert check_types(without.schema, contract) != []
    found, expected = (Encoder(evolved).encode_batch(each).matrix for each in (without, whole))
    np.testing.assert_array_equal(found, expected)
