import numpy as np
import pyarrow as pa
import pytest

from services.api.prediction.columnar.arrow_buffers import MAX_VIEWED, Buffers
from services.api.prediction.columnar.arrow_messages import RECORDS, split, write_message
from services.api.prediction.columnar.arrow_schema import Field, Kind
from services.api.prediction.columnar.flatbuffers import INT64, Malformed, Number, Structs
from tests.services.api.prediction.columnar.arrow import stream

NUMBERS = Field("a", "int32", Kind.NUMBER, "<i4")
BOOLS = Field("a", "bool", Kind.BOOL)
TEXTS = Field("a", "utf8", Kind.TEXT, "<i4")
VIEWS = Field("a", "utf8 view", Kind.VIEW)


def opened(column, field):
    """The buffers of a column that pyarrow has written."""
    *_, message = split(memoryview(stream(pa.table({"a": column}))))
    return Buffers(message.header, message.body, [field], max_rows=1000)


def made(field, rows, nulls, places, body=b"", *, viewed=(), more=None, max_rows=1000):
    """The buffers of a message made by hand."""
    header = {0: Number(INT64, rows), 1: Structs(np.array([(rows, nulls)])), 2: Structs(np.array(places))}
    header |= {4: Structs(np.array([[number] for number in viewed]))} if viewed else {}
    (message,) = split(memoryview(write_message(RECORDS, header | (more or {}), body)))
    return Buffers(message.header, message.body, [field], max_rows=max_rows)


def test_numbers_are_not_copied():
    buffers = opened(pa.array([3, None, 5], pa.int32()), NUMBERS)

    assert buffers.missing().tolist() == [False, True, False]
    values = buffers.array("<i4")
    assert values[[0, 2]].tolist() == [3, 5]
    assert not values.flags.owndata


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 64, 1000])
def test_truth_values_are_unpacked(rows):
    expected = [number % 3 == 0 for number in range(rows)]
    buffers = opened(pa.array(expected), BOOLS)

    assert buffers.missing() is None
    assert buffers.bits().astype(bool).tolist() == expected


LONG = "x" * 13
VALUES = ["", "a", None, "twelve bytes", LONG, "ü" * 100, None, "z" * 801]


@pytest.mark.parametrize(("kind", "field"), [(pa.string(), TEXTS), (pa.string_view(), VIEWS)])
@pytest.mark.parametrize(("start", "stop"), [(0, 8), (2, 5), (7, 8)])
def test_texts(kind, field, start, stop):
    found = opened(pa.array(VALUES, kind), field).texts(field).read(start, stop)

    long = b"?" * 801 if field is VIEWS else b"z" * 801
    expected = [long if text == VALUES[-1] else text and text.encode() for text in VALUES]
    assert found == [b"" if text == "" else text for text in expected[start:stop]]


def test_compressed_buffers_are_refused():
    with pytest.raises(Malformed, match="without compression"):
        made(NUMBERS, 1, 0, [(0, 0), (0, 4)], bytes(8), more={3: {}})


@pytest.mark.parametrize("rows", [-1, 1001, 2**62])
def test_number_of_rows_is_limited(rows):
    with pytest.raises(Malformed, match="at most 1,000"):
        made(NUMBERS, rows, 0, [(0, 0), (0, 4)], bytes(8))


@pytest.mark.parametrize("nulls", [-1, 3])
def test_number_of_missing_values_is_checked(nulls):
    with pytest.raises(Malformed, match="different lengths"):
        made(NUMBERS, 2, nulls, [(0, 0), (0, 8)], bytes(8))


@pytest.mark.parametrize("place", [(-8, 8), (8, 8), (0, 7), (0, 9), (2**62, 8), (0, -1)])
def test_buffer_outside_of_the_message(place):
    buffers = made(NUMBERS, 2, 0, [(0, 0), place], bytes(8))
    buffers.missing()

    with pytest.raises(Malformed, match="lies outside"):
        buffers.array("<i4")


def test_missing_buffer():
    buffers = made(NUMBERS, 2, 1, [(0, 8)], bytes(8))
    buffers.missing()

    with pytest.raises(Malformed):
        buffers.array("<i4")


def test_validity_must_cover_every_row():
    with pytest.raises(Malformed):
        made(NUMBERS, 9, 1, [(0, 1), (0, 36)], bytes(40)).missing()


@pytest.mark.parametrize("offsets", [[0, 2, 1], [-1, 1, 2], [0, 1, 9], [0, 2**31 - 1, 2]])
def test_offsets_of_texts_are_checked(offsets):
    body = np.array([*offsets, 0], dtype="<i4").tobytes() + b"abcdefgh"
    buffers = made(TEXTS, 2, 0, [(0, 0), (0, 12), (16, 8)], body)

    with pytest.raises(Malformed, match="text lies outside"):
        buffers.texts(TEXTS)


def view(length, buffer, offset):
    return np.array([length, 0, buffer, offset], dtype="<i4").tobytes()


@pytest.mark.parametrize("parts", [(13, 1, 0), (13, -1, 0), (13, 0, 4), (13, 0, -1), (-1, 0, 0), (2**31 - 1, 0, 0)])
def test_views_are_checked(parts):
    buffers = made(VIEWS, 1, 0, [(0, 0), (0, 16), (16, 16)], view(*parts) + b"x" * 16, viewed=[1])

    with pytest.raises(Malformed, match="text lies outside"):
        buffers.texts(VIEWS).read(0, 1)


def test_view_of_a_missing_text_has_no_meaning():
    body = bytes(8) + view(99, 7, 7)
    buffers = made(VIEWS, 1, 1, [(0, 1), (8, 16)], body, viewed=[0])

    assert buffers.texts(VIEWS).read(0, 1) == [None]


@pytest.mark.parametrize("number", [-1, MAX_VIEWED + 1, 2**62, 3])
def test_number_of_viewed_buffers_is_checked(number):
    buffers = made(VIEWS, 1, 0, [(0, 0), (0, 16), (16, 0)], view(1, 0, 0), viewed=[number])

    with pytest.raises(Malformed):
        buffers.texts(VIEWS)
