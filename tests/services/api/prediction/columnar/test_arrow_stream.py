import random
import tracemalloc

import numpy as np
import pyarrow as pa
import pytest

from evaluation.encoding import encode
from services.api.errors import InvalidRequest, InvalidRows, MalformedBody, TooManyRows
from services.api.prediction.columnar.arrow_messages import DICTIONARY, END, RECORDS, SCHEMA, write_message
from services.api.prediction.columnar.arrow_stream import MAX_PLANS, ArrowReader
from services.api.prediction.columnar.columns import Columns
from services.api.prediction.columnar.flatbuffers import BOOL, INT32, INT64, UINT8, Number, Structs
from tests.services.api.prediction.columnar.arrow import ORCHARD, stream, table

CODED = pa.dictionary(pa.int16(), pa.string())
MAX_ROWS = 1000


@pytest.fixture
def reader(contract):
    return ArrowReader(Columns(contract), max_rows=MAX_ROWS)


def rows_of(contract, number):
    kinds, soils = ["apple", "pear", "plum"], ["clay", None, "moon", "sand"]
    return [
        dict(contract.example, height=float(row % 50), kind=kinds[row % 3], soil=soils[row % 4], age=row % 300)
        for row in range(number)
    ]


@pytest.mark.parametrize("batch_rows", [1, 7, 100, None])
@pytest.mark.parametrize("types", [{}, {"kind": CODED, "soil": CODED}])
def test_batches_are_joined(reader, contract, batch_rows, types):
    rows = rows_of(contract, 200)

    found = reader.read_matrix(stream(table(rows, **types), batch_rows=batch_rows))

    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, encode(rows, contract))


def test_columns_may_have_any_order(reader, contract):
    rows = rows_of(contract, 9)
    names = ["soil", "grafted", "height", "kind", "age"]

    np.testing.assert_array_equal(reader.read_matrix(stream(table(rows).select(names))), encode(rows, contract))


def test_bytearray_is_read_too(reader, contract):
    content = bytearray(stream(table(rows_of(contract, 3))))

    assert reader.read_matrix(content).shape == (3, 5)


def dictionaries(*parts, deltas):
    """A stream whose dictionary changes between its batches."""
    schema = pa.schema([(name, CODED if name == "kind" else kind) for name, kind in ORCHARD.items()])
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=deltas)
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        for rows, texts in parts:
            part = table(rows)
            places = pa.array([texts.index(row["kind"]) for row in rows], pa.int16())
            kind = pa.DictionaryArray.from_arrays(places, pa.array(texts))
            writer.write_table(part.set_column(3, schema.field(3), kind))
    return bytes(sink.getvalue())


@pytest.mark.parametrize("deltas", [True, False])
def test_dictionary_may_grow_and_be_replaced(reader, contract, deltas):
    rows = rows_of(contract, 9)
    for row in rows[:4]:
        row["kind"] = "apple"

    content = dictionaries((rows[:4], ["apple"]), (rows[4:], ["apple", "pear", "plum"]), deltas=deltas)

    np.testing.assert_array_equal(reader.read_matrix(content), encode(rows, contract))


def test_unused_text_of_a_dictionary_may_be_unknown(reader, contract):
    rows = rows_of(contract, 1)

    found = reader.read_matrix(dictionaries((rows, ["cherry", "apple"]), deltas=False))

    np.testing.assert_array_equal(found, encode(rows, contract))


def test_rows_are_numbered_across_batches(reader, contract):
    rows = rows_of(contract, 30)
    rows[25]["age"] = -1

    with pytest.raises(InvalidRows) as refused:
        reader.read_matrix(stream(table(rows), batch_rows=10))

    assert [problem.field for problem in refused.value.problems] == ["columns.age[25]"]


@pytest.mark.parametrize("batch_rows", [100, None])
def test_too_many_rows(reader, contract, batch_rows):
    content = stream(table([contract.example] * (MAX_ROWS + 1)), batch_rows=batch_rows)

    with pytest.raises(TooManyRows, match="at most 1,000 rows"):
        reader.read_matrix(content)


def test_most_rows_are_accepted(reader, contract):
    assert len(reader.read_matrix(stream(table([contract.example] * MAX_ROWS), batch_rows=100))) == MAX_ROWS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begin with a schema"),
        (END, "begin with a schema"),
        (write_message(RECORDS, {}), "begin with a schema"),
        (b'{"rows": []}', "does not begin as messages do"),
        (b"PAR1" + bytes(100), "does not begin as messages do"),
    ],
)
def test_what_is_no_stream_is_explained(reader, content, message):
    with pytest.raises(MalformedBody, match=f"{message}.*pyarrow.ipc.new_stream"):
        reader.read_matrix(content)


def test_stream_without_rows(reader, contract):
    empty = table([contract.example]).slice(0, 0)

    with pytest.raises(MalformedBody, match="no rows"):
        reader.read_matrix(stream(empty))
    with pytest.raises(MalformedBody, match="no rows"):
        reader.read_matrix(stream(pa.concat_tables([empty, empty])))


def test_empty_batches_are_skipped(reader, contract):
    rows = rows_of(contract, 4)
    whole = table(rows)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, whole.schema) as writer:
        for part in (whole.slice(0, 0), whole.slice(0, 1), whole.slice(0, 0), whole.slice(1)):
            writer.write_table(part)
            writer.write_batch(pa.RecordBatch.from_pylist([], schema=whole.schema))

    np.testing.assert_array_equal(reader.read_matrix(bytes(sink.getvalue())), encode(rows, contract))


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_compression_is_refused(reader, contract, compression):
    with pytest.raises(MalformedBody, match="without compression"):
        reader.read_matrix(stream(table(rows_of(contract, 100)), compression=compression))


def test_second_schema_is_refused(reader, contract):
    content = stream(table([contract.example]))

    with pytest.raises(MalformedBody, match="neither records nor a dictionary"):
        reader.read_matrix(content[: -len(END)] + content)


def test_plans_are_kept_for_the_last_schemas(reader, contract):
    rows = rows_of(contract, 2)
    for number in range(3 * MAX_PLANS):
        named = table(rows).replace_schema_metadata({"number": str(number)})
        np.testing.assert_array_equal(reader.read_matrix(stream(named)), encode(rows, contract))

    assert 0 < len(reader._plans) <= MAX_PLANS
    large = table(rows).replace_schema_metadata({"notes": "x" * 100_000})
    before = dict(reader._plans)
    np.testing.assert_array_equal(reader.read_matrix(stream(large)), encode(rows, contract))
    assert reader._plans == before


def dictionary_of(texts, *, rows=None, number=0, delta=False):
    """A dictionary message with texts of equal length."""
    offsets = np.arange(0, sum(map(len, texts)) + 1, len(texts[0]), dtype="<i4").tobytes()
    data = b"".join(texts)
    body = offsets + data + bytes(-(len(offsets) + len(data)) % 8)
    rows = len(texts) if rows is None else rows
    places = [(0, 0), (0, len(offsets)), (len(offsets), len(data))]
    batch = {0: Number(INT64, rows), 1: Structs(np.array([(rows, 0)])), 2: Structs(np.array(places))}
    return write_message(DICTIONARY, {0: Number(INT64, number), 1: batch, 2: Number(BOOL, delta)}, body)


def schema_with_dictionary():
    coded = {0: Number(INT64, 0), 1: {0: Number(INT32, 8), 1: Number(BOOL, True)}}
    fields = [
        {0: "height", 2: Number(UINT8, 1), 3: {}},
        {0: "age", 2: Number(UINT8, 1), 3: {}},
        {0: "grafted", 2: Number(UINT8, 1), 3: {}},
        {0: "kind", 2: Number(UINT8, 5), 3: {}, 4: coded},
        {0: "soil", 2: Number(UINT8, 5), 3: {}, 4: coded},
    ]
    return write_message(SCHEMA, {1: fields})


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (dictionary_of([b"pear"], number=7), "no column uses"),
        (dictionary_of([b"pear"], rows=2), "too small"),
        (dictionary_of([b"pear"], rows=-1), "at most 1,000"),
        (dictionary_of([b"%04d" % number for number in range(1001)]), "at most 1,000"),
        (dictionary_of([b"pear"] * 600) + dictionary_of([b"pear"] * 600, delta=True), "more than 1,000"),
    ],
)
def test_dictionaries_are_checked(reader, message, expected):
    with pytest.raises(MalformedBody, match=expected):
        reader.read_matrix(schema_with_dictionary() + message)


def test_memory_is_bounded_by_the_body_and_the_rows(contract):
    """A million rows are claimed in a hundred bytes, and a large body has few rows."""
    reader = ArrowReader(Columns(contract), max_rows=100_000)
    claims = {0: Number(INT64, 2**40), 1: Structs(np.array([(2**40, 0)] * 5)), 2: Structs(np.array([(0, 2**40)] * 12))}
    bodies = [
        schema_with_dictionary() + write_message(RECORDS, claims),
        schema_with_dictionary() + dictionary_of([b"%08d" % number for number in range(1_000_000)]),
        stream(table([dict(contract.example, soil="x" * 5_000_000)])),
        stream(table([dict(contract.example, soil="x" * 5_000_000)], soil=pa.string_view())),
    ]
    for body in bodies:
        tracemalloc.start()
        with pytest.raises(InvalidRequest):
            reader.read_matrix(body)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 12_000_000


def sources(contract):
    rows = rows_of(contract, 40)
    views = {"kind": pa.string_view(), "soil": pa.string_view()}
    return [
        stream(table(rows)),
        stream(table(rows, kind=CODED, soil=CODED), batch_rows=17),
        stream(table(rows, height=pa.float16(), age=pa.uint8(), **views)),
        stream(table([{**row, "soil": None} for row in rows], soil=pa.null()), batch_rows=30),
        stream(table(rows, kind=CODED), compression="lz4"),
    ]


def mutated(content, source):
    """The content with some other bytes, some removed, or some repeated."""
    content = bytearray(content)
    for _ in range(source.choice([1, 1, 2, 4, 16])):
        place = source.randrange(len(content))
        kind = source.randrange(10)
        if kind == 0:
            del content[place : place + source.choice([1, 4, 8, 64])]
        elif kind == 1:
            content[place:place] = content[place : place + source.choice([1, 4, 8, 64])]
        elif kind == 2:
            content[place : place + 4] = source.choice([2**31 - 1, 2**31, 2**32 - 1, 2**24]).to_bytes(4, "little")
        else:
            content[place] = source.choice([0, 1, 2, 127, 128, 255, source.randrange(256)])
        if not content:
            break
    return bytes(content)


def test_damaged_streams_are_read_or_refused(reader, contract):
    """Any other exception than a refusal would be a 500."""
    source, found = random.Random(11), {"read": 0, "refused": 0}  # noqa: S311
    for content in sources(contract):
        for _ in range(1_500):
            try:
                reader.read_matrix(mutated(content, source))
                found["read"] += 1
            except InvalidRequest:
                found["refused"] += 1
    assert min(found.values()) > 500
