"""Tensors are accepted, refused and encoded as rows in JSON are."""

import json
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundle import Contract, Feature
from services.api.errors import InvalidRows, MalformedBody, TooManyRows
from services.api.prediction.inference.reader import InferenceReader
from services.api.prediction.validation import RowReader
from tests.services.api.prediction.inference.tensors import body, tensor, tensors_of

OUTPUTS = ("probability", "label")
MAX_ROWS = 5
CHECKED = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

KINDS = ["apple", "pear", "plum"]
VALID = {
    "height": st.none() | st.floats(0, 50),
    "age": st.integers(0, 300),
    "grafted": st.booleans(),
    "kind": st.sampled_from(KINDS),
    "soil": st.none() | st.text(min_size=1, max_size=200) | st.sampled_from(["clay", "loam"]),
}
NEARLY_VALID = {
    "height": st.none() | st.floats(-1, 51) | st.floats(allow_nan=False, allow_infinity=False),
    "age": st.integers(-2, 302) | st.integers(-(2**63), 2**63 - 1),
    "grafted": st.booleans(),
    "kind": st.sampled_from(KINDS) | st.text(min_size=1, max_size=3),
    "soil": st.none() | st.text(min_size=1, max_size=300),
}
ROW = {"height": 3.5, "age": 12, "grafted": True, "kind": "pear", "soil": "loam"}


def rows_of(values):
    return st.lists(st.fixed_dictionaries(values), min_size=1, max_size=MAX_ROWS)


@pytest.fixture(scope="module")
def reader(contract):
    return InferenceReader(contract, OUTPUTS, max_rows=MAX_ROWS)


@pytest.fixture(scope="module")
def by_row(contract):
    rows = RowReader(contract, max_rows=MAX_ROWS)
    return lambda sent: rows.read_matrix(json.dumps({"rows": sent}).encode())


@pytest.fixture(params=["JSON", "binary"])
def read(request, reader):
    """The matrix of tensors."""

    def matrix(*tensors):
        return reader.read(*body(*tensors, binary=request.param == "binary")).matrix

    return matrix


def test_valid_rows_become_the_same_numbers(read, by_row):
    @CHECKED
    @given(rows=rows_of(VALID))
    def check(rows):
        np.testing.assert_array_equal(read(*tensors_of(rows)), by_row(rows))

    check()


def outcome(call):
    """The matrix, or the refused values by feature and row."""
    try:
        return call().tobytes()
    except InvalidRows as error:
        return {(problem.field.replace("inputs.", ""), problem.message, problem.reason) for problem in error.problems}


def by_column(field):
    """rows[1].age → age[1]"""
    row, _, name = field.removeprefix("rows").partition(".")
    return f"{name}{row}"


def test_wrong_values_are_refused_for_the_same_reasons(read, by_row):
    @CHECKED
    @given(rows=rows_of(NEARLY_VALID))
    def check(rows):
        expected = outcome(lambda: by_row(rows))
        if isinstance(expected, set):
            expected = {(by_column(field), message, reason) for field, message, reason in expected}
        assert outcome(lambda: read(*tensors_of(rows))) == expected

    check()


def test_order_of_tensors_is_free(read, by_row):
    np.testing.assert_array_equal(read(*reversed(tensors_of([ROW, ROW]))), by_row([ROW, ROW]))


def test_columns_of_shape_n_1(reader, by_row):
    tensors = [one | {"shape": [1, 1], "data": [one["data"]]} for one in tensors_of([ROW])]

    np.testing.assert_array_equal(reader.read(*body(*tensors)).matrix, by_row([ROW]))


@pytest.mark.parametrize("datatype", ["INT8", "INT16", "INT32", "UINT8", "UINT16", "UINT32", "UINT64", "FP32", "FP64"])
def test_numbers_of_any_datatype(read, by_row, datatype):
    row = {**ROW, "height": 4, "age": 7}

    found = read(*tensors_of([row], height=datatype, age=datatype))

    np.testing.assert_array_equal(found, by_row([row]))


@pytest.mark.parametrize("datatype", ["INT8", "UINT64", "FP32", "FP64"])
def test_truth_values_may_be_zero_and_one(read, by_row, datatype):
    numbers = [{**ROW, "grafted": value} for value in (1, 0)]

    found = read(*tensors_of(numbers, grafted=datatype))

    np.testing.assert_array_equal(found, by_row([{**ROW, "grafted": True}, {**ROW, "grafted": False}]))
    with pytest.raises(InvalidRows) as caught:
        read(*tensors_of([{**ROW, "grafted": 2}], grafted=datatype))
    assert caught.value.problems[0].message == "must be true or false"


@pytest.mark.parametrize(("name", "datatype"), [("age", "FP32"), ("grafted", "FP64"), ("kind", "BYTES")])
def test_missing_value_of_a_feature_that_is_not_nullable(read, name, datatype):
    first = 1.0 if name == "grafted" else True
    with pytest.raises(InvalidRows) as caught:
        read(*tensors_of([{**ROW, "grafted": first}, {**ROW, "grafted": first, name: None}], **{name: datatype}))

    assert [problem.field for problem in caught.value.problems] == [f"inputs.{name}[1]"]


def test_fraction_is_no_whole_number(read):
    with pytest.raises(InvalidRows) as caught:
        read(*tensors_of([{**ROW, "age": 1.5}], age="FP32"))

    assert caught.value.problems[0].message == "must be a whole number from 0 to 300 a"


def test_infinite_number_is_out_of_range(reader):
    with pytest.raises(InvalidRows) as caught:
        reader.read(*body(*tensors_of([{**ROW, "height": math.inf}]), binary=True))

    assert caught.value.problems[0].reason == "out_of_range"


def test_limit_in_32_bits_is_within_the_limit(contract):
    small = Contract(
        model_name="m",
        features=(Feature(name="share", type="float", minimum=0.7, maximum=0.8),),
        target=contract.target,
        example={"share": 0.75},
    )
    limits = [0.7, 0.8]
    reader = InferenceReader(small, OUTPUTS, max_rows=2)

    found = reader.read(*body(tensor("share", "FP32", limits), binary=True)).matrix

    np.testing.assert_array_equal(found[:, 0], np.float32(limits))
    assert float(np.float32(0.7)) < 0.7 and float(np.float32(0.8)) > 0.8, "in 64 bits both are outside"
    for wrong in (np.nextafter(np.float32(0.7), np.float32(0)), np.nextafter(np.float32(0.8), np.float32(1))):
        with pytest.raises(InvalidRows):
            reader.read(*body(tensor("share", "FP32", [float(wrong)]), binary=True))


CODES = [3.5, 12, 1, 1, 1]
"""ROW as numbers in the contract's order."""


@pytest.mark.parametrize("datatype", ["FP32", "FP64"])
@pytest.mark.parametrize("name", ["input", "predict", "X"])
def test_one_tensor_of_all_features_has_codes(read, by_row, name, datatype):
    second = [None, 0, 0, 2, None]
    expected = by_row([ROW, {"height": None, "age": 0, "grafted": False, "kind": "plum", "soil": None}])

    np.testing.assert_array_equal(read(tensor(name, datatype, CODES + second, [2, 5])), expected)


def test_one_tensor_of_all_features_may_be_nested(reader, by_row):
    np.testing.assert_array_equal(
        reader.read(*body(tensor("input", "FP32", [CODES, CODES], [2, 5]))).matrix, by_row([ROW, ROW])
    )


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (0, 50.5, "must be a number from 0 to 50 m or null"),
        (1, 1.5, "must be a whole number from 0 to 300 a"),
        (1, None, "must be a whole number from 0 to 300 a"),
        (2, 2, "must be true or false"),
        (3, 3, "must be the code of a category, from 0 to 2; see GET /v1/model"),
        (3, 0.5, "must be the code of a category, from 0 to 2; see GET /v1/model"),
        (3, None, "must be the code of a category, from 0 to 2; see GET /v1/model"),
        (4, 4, "must be the code of a category, from 0 to 3; see GET /v1/model"),
        (4, -1, "must be the code of a category, from 0 to 3; see GET /v1/model"),
    ],
)
def test_values_of_one_tensor_are_checked_too(read, place, value, message):
    row = [*CODES[:place], value, *CODES[place + 1 :]]

    with pytest.raises(InvalidRows) as caught:
        read(tensor("input", "FP64", CODES + row, [2, 5]))

    names = ["height", "age", "grafted", "kind", "soil"]
    assert [(problem.field, problem.message) for problem in caught.value.problems] == [
        (f"inputs.{names[place]}[1]", message)
    ]


@pytest.mark.parametrize(
    ("tensors", "expected"),
    [
        ([tensor("input", "FP32", [1.0], [1])], r"the shape \[1, 5\], in the order of the contract, not \[1\]"),
        ([tensor("input", "FP32", [1.0] * 4, [1, 4])], r"not \[1, 4\]"),
        ([tensor("input", "FP32", [1.0] * 5, [5, 1])], r"not \[5, 1\]"),
        ([tensor("input", "INT64", [1] * 5, [1, 5])], "must be FP32 or FP64, not INT64"),
        ([tensor("input", "FP16", [1] * 5, [1, 5])], "must be FP32 or FP64, not FP16"),
        (tensors_of([ROW], kind="INT8"), "input kind: the datatype of this feature must be BYTES, not INT8"),
        (tensors_of([ROW], height="BYTES"), "input height: the datatype of this feature must be FP32 or FP64 or INT8"),
        (tensors_of([ROW], height="BOOL"), "not BOOL"),
        (tensors_of([ROW], height="fp32"), "not fp32"),
        ([*tensors_of([ROW])[:4], tensor("height", "FP32", [1])], "two tensors have the same name"),
        ([*tensors_of([ROW])[:4], tensor("soil", "BYTES", ["a", "b"])], "soil: it has 2 rows, but height has 1"),
        ([one | {"shape": [1, 2]} for one in tensors_of([ROW])], r"its shape must be \[1\] or \[1, 1\], not \[1, 2\]"),
        ([one | {"shape": [0], "data": []} for one in tensors_of([ROW])], "at least one row"),
        ([tensor("input", "FP32", [], [0, 5])], "at least one row"),
        ([tensor("input", "FP32", [], [1, 2**62])], r"not \[1, 4611686018427387904\]"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(reader, tensors, expected):
    with pytest.raises(MalformedBody, match=expected):
        reader.read(*body(*tensors))


def test_rows_are_limited_before_data_are_decoded(reader):
    with pytest.raises(TooManyRows, match="at most 5 rows in one request, not 4,611,686,018,427,387,904"):
        reader.read(*body(tensor("input", "FP32", [], [2**62, 2**62])))


def test_missing_and_unknown_tensors_are_named(reader):
    height, age, grafted, kind, _ = tensors_of([ROW])

    with pytest.raises(InvalidRows) as caught:
        reader.read(*body(height, age, grafted, kind, tensor("colour", "BYTES", ["red"])))

    assert [(problem.field, problem.reason) for problem in caught.value.problems] == [
        ("inputs.colour", "unknown_feature"),
        ("inputs.soil", "missing_feature"),
    ]


def test_id_and_outputs_are_those_of_the_request(reader):
    found = reader.read(*body(*tensors_of([ROW]), id="42", outputs=[{"name": "label"}]))

    assert found.id == "42"
    assert [tuple(output) for output in found.outputs] == [("label", False)]
