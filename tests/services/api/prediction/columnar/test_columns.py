"""Every format accepts the values that rows in JSON may have, as the same numbers, and refuses for the same reasons."""

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundle import Contract, Feature
from evaluation.columns import BLOCK_ROWS, Missing, Numbers
from services.api.errors import InvalidRows
from services.api.prediction.columnar.arrow_stream import ArrowReader
from services.api.prediction.columnar.columns import Columns
from services.api.prediction.columnar.json_columns import JsonColumnsReader
from services.api.prediction.validation import RowReader
from tests.services.api.prediction.columnar.arrow import stream, table

MAX_ROWS = 5
CHECKED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

KINDS = st.sampled_from(["apple", "pear", "plum"])
VALID = {
    "height": st.none() | st.floats(0, 50),
    "age": st.integers(0, 300),
    "grafted": st.booleans(),
    "kind": KINDS,
    "soil": st.none() | st.text(min_size=1, max_size=200) | st.sampled_from(["clay", "loam"]),
}
NEARLY_VALID = {
    "height": st.none() | st.floats(-1, 51) | st.floats(allow_nan=False, allow_infinity=False),
    "age": st.none() | st.integers(-2, 302) | st.integers(-(2**63), 2**63 - 1),
    "grafted": st.none() | st.booleans(),
    "kind": st.none() | KINDS | st.text(max_size=3),
    "soil": st.none() | st.text(max_size=300),
}
"""Values of the right type, for a column has only one."""


def rows_of(values):
    return st.lists(st.fixed_dictionaries(values), min_size=1, max_size=MAX_ROWS)


@pytest.fixture(scope="module")
def columns(contract):
    return Columns(contract)


@pytest.fixture(scope="module")
def by_row(contract):
    reader = RowReader(contract, max_rows=MAX_ROWS)
    return lambda rows: reader.read_matrix(json.dumps({"rows": rows}).encode())


CODED = pa.dictionary(pa.int8(), pa.large_string())
ARROW_TYPES = {
    "Arrow": {},
    "Arrow with dictionaries": {"kind": CODED, "soil": CODED},
    "Arrow with text views": {"kind": pa.string_view(), "soil": pa.string_view()},
    "Arrow with large texts": {"kind": pa.large_string(), "soil": pa.dictionary(pa.uint64(), pa.string())},
}


@pytest.fixture(scope="module", params=["JSON", *ARROW_TYPES])
def by_column(request, contract, columns):
    """Read rows in one of the other formats."""
    if request.param == "JSON":
        reader = JsonColumnsReader(contract, columns, max_rows=MAX_ROWS)
        return lambda rows: reader.read_matrix(as_columns(rows))
    arrow, types = ArrowReader(columns, max_rows=MAX_ROWS), ARROW_TYPES[request.param]
    return lambda rows: arrow.read_matrix(stream(table(rows, **types)))


def as_columns(rows):
    return json.dumps({"columns": {name: [row[name] for row in rows] for name in rows[0]}}).encode()


def outcome(read, rows):
    """The matrix, or field without its place and reason of each problem."""
    try:
        return read(rows).tolist(), ()
    except InvalidRows as error:
        return None, sorted((place(problem.field), problem.message, problem.reason) for problem in error.problems)


def place(field):
    """Return name and row of ``rows[1].age`` and of ``columns.age[1]``."""
    first, _, second = field.replace("]", "").partition(".")
    name, row = (second.partition("[")[::2]) if first == "columns" else (second, first.partition("[")[2])
    return name, int(row)


def test_valid_rows_become_the_same_numbers(by_row, by_column):
    @CHECKED
    @given(rows_of(VALID))
    def check(rows):
        np.testing.assert_array_equal(by_column(rows), by_row(rows))

    check()


def test_wrong_values_are_refused_for_the_same_reasons(by_row, by_column):
    @CHECKED
    @given(rows_of(NEARLY_VALID))
    def check(rows):
        expected, problems = outcome(by_row, rows)
        found, found_problems = outcome(by_column, rows)
        np.testing.assert_equal(found, expected)
        assert found_problems == problems

    check()


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_integers_of_any_width(columns, contract, by_row, kind):
    row = {**contract.example, "age": 12, "height": 7}
    types = {"age": getattr(pa, kind)(), "height": getattr(pa, kind)()}

    found = ArrowReader(columns, max_rows=1).read_matrix(stream(table([row], **types)))

    np.testing.assert_array_equal(found, by_row([row]))


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_floats_of_any_width(columns, contract, by_row, kind):
    row = {**contract.example, "age": 12.0, "height": 7.5}
    types = {"age": getattr(pa, kind)(), "height": getattr(pa, kind)()}

    found = ArrowReader(columns, max_rows=1).read_matrix(stream(table([row], **types)))

    np.testing.assert_array_equal(found, by_row([row]))


def encode(columns, contract, rows=1, **values):
    """Encode the example with other values; the problems if they are refused."""
    plain = {name: float(contract.features[index].categories is None) for index, name in enumerate(columns.names)}
    found = [Numbers(np.full(rows, plain[name])) for name in columns.names]
    for name, column in values.items():
        found[columns.places[name]] = column
    try:
        return columns.encode(found, rows)
    except InvalidRows as error:
        return [(problem.field, problem.message, problem.reason) for problem in error.problems]


@pytest.mark.parametrize("value", [np.inf, -np.inf, 50.001])
def test_infinite_and_large_numbers_are_out_of_range(columns, contract, value):
    found = encode(columns, contract, height=Numbers(np.array([value])))

    assert found == [("columns.height[0]", "must be a number from 0 to 50 m or null", "out_of_range")]


def test_nan_is_a_missing_value(columns, contract):
    assert np.isnan(encode(columns, contract, height=Numbers(np.array([np.nan])))[0, 0])
    found = encode(columns, contract, age=Numbers(np.array([np.nan])))
    assert found == [("columns.age[0]", "must be a whole number from 0 to 300 a", "wrong_type")]


def test_signalling_nan_is_a_missing_value_too(columns, contract):
    signalling = np.array([0x7FF0000000000001], dtype=np.uint64).view(np.float64)

    assert np.isnan(encode(columns, contract, height=Numbers(signalling))[0, 0])


@pytest.mark.parametrize("value", [1.5, 2.6e-42, 12.0000000001])
def test_fraction_is_no_whole_number(columns, contract, value):
    found = encode(columns, contract, age=Numbers(np.array([value])))

    assert found == [("columns.age[0]", "must be a whole number from 0 to 300 a", "wrong_type")]


def test_missing_column_of_a_feature_that_is_not_nullable(columns, contract):
    found = encode(columns, contract, rows=2, grafted=Missing())

    assert [problem[0] for problem in found] == ["columns.grafted[0]", "columns.grafted[1]"]


def test_rows_are_numbered_across_blocks(columns, contract):
    rows = 2 * BLOCK_ROWS + 7
    ages = np.zeros(rows)
    ages[-1] = -1

    found = encode(columns, contract, rows=rows, age=Numbers(ages))

    assert [problem[0] for problem in found] == [f"columns.age[{rows - 1}]"]


def test_at_most_twenty_problems_are_listed(columns, contract):
    found = encode(columns, contract, rows=100, age=Numbers(np.full(100, -1)))

    assert [problem[0] for problem in found] == [f"columns.age[{row}]" for row in range(20)]


def test_every_block_is_encoded(columns, contract):
    rows = 2 * BLOCK_ROWS + 7
    ages = np.arange(rows) % 301

    np.testing.assert_array_equal(encode(columns, contract, rows=rows, age=Numbers(ages))[:, 1], ages)


def test_unbounded_numbers_must_fit_into_32_bits():
    contract = Contract(
        model_name="t",
        features=(Feature(name="x", type="float"),),
        target={"name": "t", "classes": ("no", "yes"), "threshold": 0.5},
        example={"x": 1.0},
    )
    columns = Columns(contract)

    found = encode(columns, contract, x=Numbers(np.array([1e39])))

    assert found == [("columns.x[0]", "must be a number, within 32 bits (up to 3.4e38)", "out_of_range")]
    assert encode(columns, contract, x=Numbers(np.array([3.4e38])))[0, 0] == np.float32(3.4e38)


NAMES = ["height", "age", "grafted", "kind", "soil"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([*NAMES, "size"], [("columns.size", "unknown_feature")]),
        ([*NAMES, "age"], [("columns.age", "duplicate_feature")]),
        (NAMES[1:], [("columns.height", "missing_feature")]),
        (["age", "age", *NAMES[2:]], [("columns.age", "duplicate_feature"), ("columns.height", "missing_feature")]),
        ([*NAMES, *map(str, range(50))], [(f"columns.{number}", "unknown_feature") for number in range(20)]),
    ],
)
def test_names_of_columns(columns, names, expected):
    with pytest.raises(InvalidRows) as refused:
        columns.check_names(names)

    assert [(problem.field, problem.reason) for problem in refused.value.problems] == expected


def test_columns_may_have_any_order(columns):
    columns.check_names(NAMES[::-1])


def test_missing_and_unknown_columns_are_explained(columns):
    with pytest.raises(InvalidRows) as refused:
        columns.check_names([*NAMES[:-2], "x" * 1000])

    unknown, kind, soil = refused.value.problems
    assert len(unknown.field) == 200
    assert unknown.message.startswith("is not a feature of this model; the features are height, age")
    assert kind.message == "is missing; it must be one of apple, pear, plum"
    assert soil.message == "is missing; it must be a text of 1 to 200 characters or null"
