"""Rows of clients of an earlier or later contract: every format treats optional and ignored columns alike."""

import asyncio
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundle import Contract, IgnoredColumn
from evaluation.encoding import encode
from services.api.errors import InvalidRequest, InvalidRows, MalformedBody
from services.api.prediction.batches import Batches
from services.api.prediction.columnar.arrow_stream import ArrowReader
from services.api.prediction.columnar.columns import Columns
from services.api.prediction.columnar.json_columns import JsonColumnsReader
from services.api.prediction.inference.reader import InferenceReader
from services.api.prediction.parquet.decoder import ParquetDecoder
from services.api.prediction.parquet.process import Limits
from services.api.prediction.row_decoder import RowDecoder
from services.api.prediction.validation import RowReader
from tests.services.api.prediction.columnar.arrow import stream, table
from tests.services.api.prediction.inference.tensors import DATATYPES, body, tensor
from tests.services.api.prediction.parquet.files import parquet

MAX_ROWS = 3
REQUIRED = {"age": 12, "grafted": True, "kind": "pear"}
WHOLE = {"height": 3.5, **REQUIRED, "soil": "loam"}
CHECKED = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def evolved(contract: Contract) -> Contract:
    """Height and soil may be left out, and what older or newer clients send besides is ignored."""
    changed = [each.model_copy(update={"optional": each.nullable}) for each in contract.features]
    ignored = (IgnoredColumn(name="weight"), IgnoredColumn(name="variety: old", description="As it was called"))
    return Contract.model_validate(contract.model_dump() | {"features": changed, "ignored": ignored})


class Client:
    async def is_disconnected(self):
        return False


def as_columns(rows):
    return {name: [row.get(name) for row in rows] for name in dict.fromkeys(name for row in rows for name in row)}


def by_decoder(contract, rows):
    found = RowDecoder(contract, max_rows=MAX_ROWS).decode(json.dumps({"rows": rows}).encode())
    if found is None:  # it refuses without a reason
        RowReader(contract, max_rows=MAX_ROWS).read(json.dumps({"rows": rows}).encode())
        pytest.fail("the reader accepts what the decoder refuses")
    return found


def by_reader(contract, rows):
    return encode(RowReader(contract, max_rows=MAX_ROWS).read(json.dumps({"rows": rows}).encode()), contract)


def by_columns(contract, rows):
    reader = JsonColumnsReader(contract, Columns(contract), max_rows=MAX_ROWS)
    return reader.read_matrix(json.dumps({"columns": as_columns(rows)}).encode())


def by_arrow(contract, rows, **types):
    return ArrowReader(Columns(contract), max_rows=MAX_ROWS).read_matrix(stream(table(rows, **types)))


def by_arrow_dictionaries(contract, rows):
    coded = pa.dictionary(pa.int8(), pa.string())
    return by_arrow(contract, rows, kind=coded, soil=coded, **{"variety: old": coded})


def by_arrow_views(contract, rows):
    return by_arrow(contract, rows, **{"variety: old": pa.string_view()})


def by_parquet(contract, rows):
    limits = Limits(memory_bytes=2**28, output_bytes=2**22, seconds=20)
    decoder = ParquetDecoder(Columns(contract), Batches(concurrency=1, waiting=1), max_rows=MAX_ROWS, limits=limits)
    decoded = asyncio.run(decoder.decode(Client(), parquet(table(rows))))
    return ArrowReader(Columns(contract), max_rows=MAX_ROWS).read_matrix(decoded)


def by_tensors(contract, rows, *, binary=False):
    kinds = DATATYPES | {"weight": "FP64", "variety: old": "BYTES"}
    tensors = [tensor(name, kinds.get(name, "FP64"), values) for name, values in as_columns(rows).items()]
    return InferenceReader(contract, ("probability",), max_rows=MAX_ROWS).read(*body(*tensors, binary=binary)).matrix


def by_binary_tensors(contract, rows):
    return by_tensors(contract, rows, binary=True)


FORMATS = [
    by_decoder,
    by_reader,
    by_columns,
    by_arrow,
    by_arrow_dictionaries,
    by_arrow_views,
    by_parquet,
    by_tensors,
    by_binary_tensors,
]
every_format = pytest.mark.parametrize("read", FORMATS)


@every_format
def test_what_is_left_out_is_a_missing_value(evolved, read):
    rows = [REQUIRED, {**REQUIRED, "age": 50}]
    as_null = [{**row, "height": None, "soil": None} for row in rows]

    found = read(evolved, rows)

    np.testing.assert_array_equal(found, encode(as_null, evolved))
    assert np.isnan(found[:, [0, 4]]).all()


@every_format
def test_ignored_values_change_nothing(evolved, read):
    rows = [WHOLE, {**WHOLE, "age": 50}]

    found = read(evolved, [{"weight": 7.25, **row, "variety: old": "a long, text"} for row in rows])

    np.testing.assert_array_equal(found, encode(rows, evolved))


@every_format
def test_complete_rows_are_read_as_before(evolved, contract, read):
    np.testing.assert_array_equal(read(evolved, [WHOLE]), read(contract, [WHOLE]))


@every_format
@pytest.mark.parametrize(
    ("row", "name", "reason"),
    [
        ({**WHOLE, "size": 3.0}, "size", "unknown_feature"),
        ({name: value for name, value in WHOLE.items() if name != "age"}, "age", "missing_feature"),
    ],
)
def test_any_other_difference_is_refused(evolved, read, row, name, reason):
    with pytest.raises(InvalidRows) as caught:
        read(evolved, [row])

    assert [
        (problem.field.rpartition(".")[2].partition("[")[0], problem.reason) for problem in caught.value.problems
    ] == [(name, reason)]


@pytest.mark.parametrize("read", [by_decoder, by_reader])
def test_rows_of_clients_of_several_contracts_in_one_body(evolved, read):
    rows = [WHOLE, REQUIRED, {**REQUIRED, "weight": None}]

    np.testing.assert_array_equal(
        read(evolved, rows), encode([WHOLE, *[{**REQUIRED, "height": None, "soil": None}] * 2], evolved)
    )


@pytest.mark.parametrize("value", ['{"a": 1}', "[1]", f'"{"x" * 201}"'])
def test_ignored_value_is_one_that_a_feature_may_have(evolved, value):
    text = json.dumps({"rows": [WHOLE]}).encode().replace(b'"soil"', f'"weight": {value}, "soil"'.encode())

    assert RowDecoder(evolved, max_rows=MAX_ROWS).decode(text) is None
    with pytest.raises(InvalidRows) as caught:
        RowReader(evolved, max_rows=MAX_ROWS).read(text)
    assert "it is ignored" in caught.value.problems[0].message


@pytest.mark.parametrize("name", ["age", "height", "weight"])
def test_duplicate_is_refused_also_if_another_name_is_left_out(evolved, name):
    row = {**REQUIRED, "height": 3.5, "weight": 4}
    rows = json.dumps({"rows": [row]}).encode().replace(b'"kind"', f'"{name}": 7, "kind"'.encode())
    columns = json.dumps({"columns": as_columns([row])}).encode().replace(b'"kind"', f'"{name}": [7], "kind"'.encode())

    assert RowDecoder(evolved, max_rows=MAX_ROWS).decode(rows) is None
    for read in (
        RowReader(evolved, max_rows=MAX_ROWS).read,
        JsonColumnsReader(evolved, Columns(evolved), max_rows=MAX_ROWS).read_matrix,
    ):
        with pytest.raises(InvalidRows) as caught:
            read(rows if read.__name__ == "read" else columns)
        assert [problem.reason for problem in caught.value.problems] == ["duplicate_feature"]


def test_nested_ignored_column_is_refused_before_it_is_decoded(evolved):
    nested = pa.array([{"kg": 1}])
    rows = table([WHOLE]).append_column("weight", nested)

    with pytest.raises(InvalidRows, match="1 value"):
        ArrowReader(Columns(evolved), max_rows=1).read_matrix(stream(rows))
    limits = Limits(memory_bytes=2**28, output_bytes=2**22, seconds=20)
    decoder = ParquetDecoder(Columns(evolved), Batches(concurrency=1, waiting=1), max_rows=1, limits=limits)
    with pytest.raises(InvalidRows, match="1 value"):
        asyncio.run(decoder.decode(Client(), parquet(rows)))


def test_tensor_of_all_features_has_their_number(evolved):
    """It has no names, so it cannot be of another contract."""
    read = InferenceReader(evolved, ("probability",), max_rows=1).read

    assert read(*body(tensor("input", "FP32", [1, 12, 1, 0, 2], [1, 5]))).matrix.shape == (1, 5)
    with pytest.raises(MalformedBody, match=r"\[1, 5\], in the order of the contract"):
        read(*body(tensor("input", "FP32", [12, 1, 0], [1, 3])))


VALUES = {
    "height": st.none() | st.floats(0, 50) | st.integers(-1, 51),
    "age": st.integers(-1, 301),
    "grafted": st.booleans(),
    "kind": st.sampled_from(["apple", "pear", "plum", "quince"]),
    "soil": st.none() | st.text(max_size=3),
    "weight": st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=3),
    "variety: old": st.text(max_size=3),
    "size": st.integers(),
}
ROWS = st.lists(st.fixed_dictionaries({}, optional=VALUES), min_size=1, max_size=MAX_ROWS)


def test_decoder_accepts_what_the_reader_accepts(evolved):
    decoder, reader = RowDecoder(evolved, max_rows=MAX_ROWS), RowReader(evolved, max_rows=MAX_ROWS)

    @CHECKED
    @given(ROWS)
    def check(rows):
        text = json.dumps({"rows": rows}).encode()
        found = decoder.decode(text)
        try:
            expected = encode(reader.read(text), evolved)
        except InvalidRequest:
            assert found is None
            return
        if found is not None:  # a colon in a text
            np.testing.assert_array_equal(found, expected)
        else:
            assert any(":" in str(value) for row in rows for value in row.values())

    check()
