import struct

import numpy as np
import pytest

from services.api.errors import MalformedBody
from services.api.prediction.inference.request import RequestParser
from services.api.prediction.inference.tensors import DATATYPES, TensorDecoder
from tests.services.api.prediction.inference.tensors import FORMATS, body, pack, tensor

DECODER = TensorDecoder()


def parsed(one, *, binary=False, data=None):
    text, length = body(one, binary=binary)
    if data is not None:
        text, length = body(one | {"data": []}, binary=True)
        size = b'"binary_data_size": 0'
        start = text[:length].replace(size, b'"binary_data_size": %d' % len(data))
        text, length = start + data, len(start)
    return RequestParser(features=5).parse(text, length).inputs[0]


def test_every_datatype_of_fixed_size_has_a_kind_of_array():
    assert set(DATATYPES) == set(FORMATS)
    assert {name: np.dtype(kind).itemsize for name, kind in DATATYPES.items()} == {
        name: struct.calcsize(f"<{letter}") for name, letter in FORMATS.items()
    }


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("datatype", DATATYPES)
def test_numbers(datatype, binary):
    values = [True, False] if datatype == "BOOL" else [1, 0]

    found = DECODER.numbers(parsed(tensor("a", datatype, values), binary=binary))

    assert found.dtype == DATATYPES[datatype]
    assert found.tolist() == values


@pytest.mark.parametrize("datatype", ["INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"])
def test_smallest_and_largest_integers(datatype):
    limits = np.iinfo(DATATYPES[datatype])
    ends = [int(limits.min), int(limits.max)]

    assert DECODER.numbers(parsed(tensor("a", datatype, ends))).tolist() == ends
    for beyond in (ends[0] - 1, ends[1] + 1, 10**40):
        with pytest.raises(MalformedBody, match=f"a value does not fit into {datatype}"):
            DECODER.numbers(parsed(tensor("a", datatype, [beyond])))


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("datatype", ["FP32", "FP64"])
def test_missing_numbers_are_nan(datatype, binary):
    found = DECODER.numbers(parsed(tensor("a", datatype, [None, 0.5]), binary=binary))

    np.testing.assert_array_equal(found, np.array([np.nan, 0.5], dtype=found.dtype))


def test_number_beyond_32_bits_is_infinite_and_left_to_the_contract():
    assert DECODER.numbers(parsed(tensor("a", "FP32", [1e300]))).tolist() == [np.inf]


@pytest.mark.parametrize("binary", [False, True])
def test_empty_texts_are_missing(binary):
    found = DECODER.texts(parsed(tensor("a", "BYTES", ["pêche", "", "a, b"]), binary=binary))

    assert found == ["pêche".encode(), None, b"a, b"]


def test_null_is_a_missing_text():
    assert DECODER.texts(parsed(tensor("a", "BYTES", [None]))) == [None]


@pytest.mark.parametrize("values", [[0] * 10_000, [[0]] * 10_000, [[]] * 10_000])
def test_more_values_than_the_shape_has_are_not_decoded(monkeypatch, values):
    monkeypatch.setattr(DECODER, "_flat", {})
    monkeypatch.setattr(DECODER, "_nested", {})

    with pytest.raises(MalformedBody, match="its shape has 2 values, but its data more"):
        DECODER.numbers(parsed(tensor("a", "FP32", values, [2])))


def test_texts_may_contain_anything():
    texts = [",[{" * 66, '"' * 200, "\\" * 200]

    assert DECODER.texts(parsed(tensor("a", "BYTES", texts))) == [text.encode() for text in texts]


def test_nested_data_are_read_row_by_row():
    found = DECODER.numbers(parsed(tensor("a", "FP64", [[1, 2, 3], [4, 5, 6]], [2, 3])))

    assert found.tolist() == [1, 2, 3, 4, 5, 6]


def test_flat_data_of_two_dimensions():
    assert DECODER.numbers(parsed(tensor("a", "INT8", [1, 2, 3, 4], [2, 2]))).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("shape", "data", "expected"),
    [
        ([2], [1], "its shape has 2 values, but its data 1"),
        ([2], [1, 2, 3], "its shape has 2 values, but its data 3"),
        ([2, 2], [[1, 2]], "its shape has 4 values, but its data 2"),
        ([2, 2], [[1, 2], [3]], r"do not have the shape \[2, 2\]"),
        ([2, 2], [[1], [2], [3], [4]], r"do not have the shape \[2, 2\]"),
        ([2], [[1, 2]], r"do not have the shape \[2\]"),
        ([2, 2], [[1, 2], 3], "Expected `array`, got `int`"),
        ([1], [[[1]]], "got `array`"),
        ([1], 1, "Expected `array`, got `int`"),
        ([1], {"a": 1}, "Expected `array`, got `object`"),
        ([1], ["1"], "got `str`"),
        ([1], [True], "got `bool`"),
    ],
)
@pytest.mark.parametrize("datatype", ["INT8", "FP32"])
def test_data_must_have_the_shape_and_the_type(datatype, shape, data, expected):
    with pytest.raises(MalformedBody, match=expected):
        DECODER.numbers(parsed(tensor("a", datatype, data, shape)))


@pytest.mark.parametrize(
    ("datatype", "value"),
    [("INT8", 1.5), ("INT8", None), ("BOOL", 1), ("BOOL", None), ("FP64", 10**400), ("UINT8", "x")],
)
def test_wrong_values_of_json(datatype, value):
    with pytest.raises(MalformedBody, match=f"input a: data of {datatype}: "):
        DECODER.numbers(parsed(tensor("a", datatype, [value])))


@pytest.mark.parametrize("value", [1, True, ["x"], {}])
def test_texts_are_texts(value):
    with pytest.raises(MalformedBody, match="input a: "):
        DECODER.texts(parsed(tensor("a", "BYTES", [value])))


@pytest.mark.parametrize("data", [b"", b"123", b"12345", b"12345678"])
def test_binary_numbers_must_have_the_size_of_the_shape(data):
    with pytest.raises(MalformedBody, match=f"1 values of FP32 are 4 bytes, not {len(data)}"):
        DECODER.numbers(parsed(tensor("a", "FP32", [], [1]), data=data))


def test_binary_truth_values_are_zero_or_one():
    with pytest.raises(MalformedBody, match="each BOOL is one byte, 0 or 1"):
        DECODER.numbers(parsed(tensor("a", "BOOL", [], [2]), data=b"\x01\x02"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01",
        pack("BYTES", ["a"]),
        pack("BYTES", ["a", "b", "c"]),
        pack("BYTES", ["a", "b"])[:-1],
        b"\xff\xff\xff\xff" * 2,
        b"\x00\x00\x00\x00\x05\x00\x00\x00abcd",
    ],
)
def test_lengths_of_binary_texts_must_add_up(data):
    with pytest.raises(MalformedBody, match="2 texts with their lengths are"):
        DECODER.texts(parsed(tensor("a", "BYTES", [], [2]), data=data))
