import struct

import pytest

from services.api.prediction.columnar.flatbuffers import Malformed
from services.api.prediction.parquet.thrift import BINARY, LIST, MAX_DEPTH, STRUCT, Reader
from tests.services.api.prediction.parquet.files import binary, varint, whole

I32 = 5
VALUES = {
    1: b"",  # true
    2: b"",  # false
    3: b"\xff",
    4: whole(-300),
    I32: whole(2**31 - 1),
    6: whole(-(2**63)),
    7: struct.pack("<d", 1.5),
    BINARY: binary(b"text"),
    LIST: b"\x35" + whole(1) + whole(2) + whole(3),
    10: b"\x21\x01\x02",  # a set of two truth values
    11: varint(2) + b"\x85" + binary(b"a") + whole(1) + binary(b"b") + whole(2),  # a map from texts to numbers
    STRUCT: b"\x15" + whole(7) + b"\0",
    13: bytes(16),
}
"""Type → a value of it."""


@pytest.mark.parametrize("value", [0, 1, -1, 63, -64, 64, 2**31, -(2**63), 2**63 - 1])
def test_whole_numbers(value):
    assert Reader(whole(value)).whole() == value


def test_fields_have_numbers_by_difference_or_in_full():
    reader, found = Reader(b"\x15" + whole(7) + b"\x25" + whole(8) + b"\x05" + whole(300) + whole(9) + b"\0"), {}

    for number, kind in reader.fields():
        found[number] = (kind, reader.whole())

    assert found == {1: (I32, 7), 3: (I32, 8), 300: (I32, 9)}


@pytest.mark.parametrize("kind", VALUES)
def test_every_type_of_value_is_passed(kind):
    reader = Reader(VALUES[kind] + whole(42))

    reader.skip(kind)

    assert reader.whole() == 42


@pytest.mark.parametrize("kind", set(VALUES) - {1, 2})
def test_value_that_is_cut_off_is_refused(kind):
    with pytest.raises(Malformed, match="ends too early"):
        Reader(VALUES[kind][:-1]).skip(kind)


@pytest.mark.parametrize("kind", [0, 14, 15])
def test_unknown_type_is_refused(kind):
    with pytest.raises(Malformed, match="unknown type"):
        Reader(bytes(100)).skip(kind)


def test_text_is_cut_off_and_passed_whole():
    reader = Reader(binary(b"abc\xff" + bytes(100)) + whole(42))

    assert reader.text(max_bytes=4) == "abc\N{REPLACEMENT CHARACTER}"
    assert reader.whole() == 42


@pytest.mark.parametrize(("content", "expected"), [(b"\x3c", (3, STRUCT)), (b"\xfc" + varint(500), (500, STRUCT))])
def test_length_and_type_of_a_list(content, expected):
    assert Reader(content).list_begin() == expected


def test_nesting_is_limited():
    with pytest.raises(Malformed, match="nested too deeply"):
        Reader(b"\x1c" * (MAX_DEPTH + 2)).skip(STRUCT)


@pytest.mark.parametrize("kind", [LIST, 11])
def test_claimed_length_costs_nothing(kind):
    """The items of a list, or of a map, take at least a byte each."""
    huge = {LIST: b"\xf1" + varint(2**60), 11: varint(2**60) + b"\x11"}[kind]

    with pytest.raises(Malformed, match="ends too early"):
        Reader(huge + bytes(10)).skip(kind)


def test_endless_number_is_refused():
    with pytest.raises(Malformed, match="too long"):
        Reader(b"\xff" * 100).whole()
