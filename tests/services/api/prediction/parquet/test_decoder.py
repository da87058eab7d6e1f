"""Files as the usual libraries write them, damaged files, and files that become too large; with the real process."""

import asyncio
import io
import logging
import random
import sys
import time

import numpy as np
import pandas
import polars
import pyarrow as pa
import pytest

from evaluation.encoding import encode
from services.api.errors import (
    BodyCutShort,
    BodyTooLarge,
    Busy,
    InvalidRequest,
    InvalidRows,
    MalformedBody,
    TooManyRows,
)
from services.api.prediction.batches import Batches
from services.api.prediction.columnar.arrow_stream import ArrowReader
from services.api.prediction.columnar.columns import Columns
from services.api.prediction.parquet.decoder import ParquetDecoder
from services.api.prediction.parquet.process import Decoding, Limits
from tests.services.api.prediction.columnar.arrow import ORCHARD, table
from tests.services.api.prediction.parquet.files import claim, element, parquet, with_metadata

MEBIBYTE = 2**20
MAX_ROWS = 1000
LIMITS = Limits(memory_bytes=256 * MEBIBYTE, output_bytes=4 * MEBIBYTE, seconds=20)
MUTATIONS, MUTATION_SECONDS = 300, 60
"""How many damaged files are tried; on a busy machine those for which there is time."""

PLAIN, CODED = pa.string(), pa.dictionary(pa.int8(), pa.string())


class Client:
    """What is asked of a request: whether its client is still there."""

    is_gone = False

    async def is_disconnected(self):
        return self.is_gone


@pytest.fixture
def make(contract):
    def decoder(limits=LIMITS, max_rows=MAX_ROWS, **options):
        batches = Batches(**{"concurrency": 1, "waiting": 16, **options})
        return ParquetDecoder(Columns(contract), batches, max_rows=max_rows, limits=limits)

    return decoder


@pytest.fixture
def read(make, contract):
    reader = ArrowReader(Columns(contract), max_rows=MAX_ROWS)

    def matrix(file, **options):
        return reader.read_matrix(asyncio.run(make(**options).decode(Client(), file)))

    return matrix


@pytest.fixture
def rows(contract):
    kinds, soils = ["apple", "pear", "plum"], ["clay", None, "moon", "sand"]
    return [
        dict(
            contract.example,
            height=None if row % 5 == 1 else row % 50 + 0.25,
            age=row % 300,
            grafted=row % 2 == 0,
            kind=kinds[row % 3],
            soil=soils[row % 4],
        )
        for row in range(200)
    ]


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"data_page_version": "2.0", "version": "2.6"},
        {"use_dictionary": False, "version": "1.0"},
        {"row_group_size": 7},
        {"store_schema": False},
        {"use_dictionary": False, "column_encoding": {"age": "DELTA_BINARY_PACKED", "kind": "DELTA_BYTE_ARRAY"}},
    ],
    ids=str,
)
def test_pyarrow(read, contract, rows, compression, options):
    file = parquet(table(rows), compression=compression, **options)

    np.testing.assert_array_equal(read(file), encode(rows, contract))


@pytest.mark.parametrize(
    "types",
    [
        {"kind": CODED, "soil": CODED},
        {"kind": pa.dictionary(pa.int32(), pa.large_string())},
        {"kind": pa.large_string(), "soil": pa.string_view()},
        {"height": pa.float32(), "age": pa.int16()},
        {"height": pa.float16(), "age": pa.uint64()},
        {"age": pa.float64()},
    ],
    ids=str,
)
@pytest.mark.parametrize("group", [7, 1000])
def test_types_of_columns(read, contract, rows, types, group):
    file = parquet(table(rows, **types), row_group_size=group)

    np.testing.assert_array_equal(read(file), encode(rows, contract))


@pytest.mark.parametrize("types", [{}, {"kind": "category", "soil": "category"}])
@pytest.mark.parametrize("compression", [None, "snappy", "zstd", "gzip"])
def test_pandas(read, contract, rows, types, compression):
    file = io.BytesIO()
    pandas.DataFrame(rows).astype(types).to_parquet(file, compression=compression)

    np.testing.assert_array_equal(read(file.getvalue()), encode(rows, contract))


@pytest.mark.parametrize("texts", [polars.String, polars.Categorical, polars.Enum(["apple", "pear", "plum"])])
@pytest.mark.parametrize("compression", ["uncompressed", "snappy", "zstd", "gzip"])
def test_polars(read, contract, rows, texts, compression):
    file = io.BytesIO()
    polars.DataFrame(rows).with_columns(polars.col("kind").cast(texts)).write_parquet(file, compression=compression)

    np.testing.assert_array_equal(read(file.getvalue()), encode(rows, contract))


def test_column_without_values_and_another_order(read, contract, rows):
    rows = [dict(row, height=None) for row in rows]
    file = parquet(table(rows, height=pa.null()).select(["soil", "grafted", "height", "kind", "age"]))

    np.testing.assert_array_equal(read(file), encode(rows, contract))


@pytest.mark.parametrize("dictionaries", [False, True])
def test_as_many_rows_as_are_allowed(make, contract, rows, dictionaries):
    many = (rows * 500)[:100_000]
    types = {"kind": CODED, "soil": CODED} if dictionaries else {}
    file = parquet(table(many, **types), row_group_size=9000)
    decoder = make(Limits(256 * MEBIBYTE, 32 * MEBIBYTE, 20), max_rows=100_000)

    found = ArrowReader(Columns(contract), max_rows=100_000).read_matrix(asyncio.run(decoder.decode(Client(), file)))

    np.testing.assert_array_equal(found, np.resize(encode(rows, contract), (100_000, 5)))


def test_problem_names_row_and_column(read, rows):
    rows[150]["age"] = -1

    with pytest.raises(InvalidRows) as caught:
        read(parquet(table(rows), row_group_size=7))

    assert [problem.field for problem in caught.value.problems] == ["columns.age[150]"]


NEVER = pytest.mark.usefixtures("no_process")


@pytest.fixture
def no_process(monkeypatch):
    def start(*_arguments, **_options):
        pytest.fail("a process was started")

    monkeypatch.setattr(Decoding, "run", start)


@NEVER
@pytest.mark.parametrize("claimed", [MAX_ROWS + 1, 10**9, 2**62])
def test_claimed_rows_are_checked_before_a_process_is_started(read, claimed):
    schema = [element("schema", len(ORCHARD)), *map(element, ORCHARD)]

    with pytest.raises(TooManyRows, match="at most 1,000 rows"):
        read(with_metadata(claim(claimed, schema)))


@NEVER
def test_file_without_rows_is_refused(read, rows):
    with pytest.raises(MalformedBody, match="it has no rows"):
        read(parquet(table(rows).slice(0, 0)))


@NEVER
@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda rows: rows.append_column("colour", pa.array(["red"] * len(rows))), "columns.colour"),
        (lambda rows: rows.drop_columns(["age"]), "columns.age"),
        (lambda rows: rows.set_column(1, "age", pa.array([[1]] * len(rows))), "columns.age"),
        (lambda rows: rows.set_column(1, "age", pa.array([{"years": 1}] * len(rows))), "columns.age"),
    ],
)
def test_columns_are_checked_before_a_process_is_started(read, rows, change, field):
    with pytest.raises(InvalidRows) as caught:
        read(parquet(change(table(rows))))

    assert [problem.field for problem in caught.value.problems] == [field]


@NEVER
@pytest.mark.parametrize("file", [b"", b"PAR1", b"ARROW1" + bytes(50), b'{"rows": []}'])
def test_other_files_are_refused_with_what_to_do(read, file):
    with pytest.raises(MalformedBody, match=r"Invalid Parquet file: it does not begin.*send an Arrow stream"):
        read(file)


def test_types_that_no_feature_has_are_refused_by_name(read, rows):
    dates = pa.array([0] * len(rows), pa.date32())

    with pytest.raises(InvalidRows) as caught:
        read(parquet(table(rows).set_column(1, "age", dates)))

    assert "its type is date" in caught.value.problems[0].message


def metadata_of(file):
    """Return where the metadata begin."""
    return len(file) - 8 - int.from_bytes(file[-8:-4], "little")


@pytest.mark.parametrize("other", [199, 201])
def test_rows_must_be_as_many_as_are_claimed(read, rows, other):
    """The metadata are altered: field 3 of type 6, in zigzag."""
    file = parquet(table(rows))
    begin = file.index(b"\x16\x90\x03", metadata_of(file))
    altered = file[:begin] + b"\x16" + bytes([2 * other & 0x7F | 0x80, 2 * other >> 7]) + file[begin + 3 :]

    with pytest.raises(MalformedBody, match=rf"says that it has {other} rows, but it has 200"):
        read(altered)


def bomb(rows, text_bytes):
    """One long text, which a column has in every row: some hundred bytes of Parquet."""
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), ["x" * text_bytes])
    others = {
        "height": pa.array(np.ones(rows)),
        "age": pa.array(np.ones(rows, np.int64)),
        "grafted": pa.array(np.ones(rows, np.bool_)),
        "kind": pa.array(["pear"] * rows),
    }
    return parquet(pa.table(others | {"soil": texts}), compression="zstd", store_schema=False)


@pytest.mark.parametrize(
    ("text_bytes", "refusal"),
    [
        (100_000, "takes more than 256 MiB of memory"),
        (20_000, "takes more than 256 MiB of memory|more than 4,194,304 bytes"),
        (1_000, "more than 4,194,304 bytes"),
    ],
)
def test_file_that_decodes_to_gigabytes_is_refused_within_the_limits(make, text_bytes, refusal, caplog):
    """20,000 bytes in 100,000 rows are 2 GB."""
    file = bomb(100_000, text_bytes)
    assert len(file) < 20_000
    decoder = make(max_rows=100_000)

    with pytest.raises((MalformedBody, BodyTooLarge), match=refusal):
        asyncio.run(decoder.decode(Client(), file))

    (record,) = [record for record in caplog.records if record.name == "espalier.api.parquet"]
    assert record.end in ("refused by the library", "failed", "over the limit of output")


def test_long_text_in_a_dictionary_stays_small_and_is_a_value_like_any_other(read, contract):
    coded = pa.DictionaryArray.from_arrays(pa.array([0] * 3), ["x" * 20_000])
    rows = table([contract.example] * 3)

    with pytest.raises(InvalidRows):
        read(parquet(rows.set_column(4, "soil", coded)))


def test_damaged_files_are_read_or_refused(make, contract, rows):
    """None ends this process, or raises anything else than a refusal. Two thirds are damaged in their values."""
    reader, decoder = ArrowReader(Columns(contract), max_rows=MAX_ROWS), make()
    files = [
        parquet(table(rows), compression=compression, **options)
        for compression in ("none", "snappy", "zstd", "gzip")
        for options in ({}, {"data_page_version": "2.0"})
    ]
    source, outcomes = random.Random(7), {}  # noqa: S311

    async def run():
        ends = time.monotonic() + MUTATION_SECONDS
        for number in range(MUTATIONS):
            if time.monotonic() > ends:
                break
            content = bytearray(files[number % len(files)])
            metadata = metadata_of(content)
            begin, end = (4, metadata) if number % 3 else (metadata, len(content) - 8)
            for _ in range(source.randrange(1, 5)):
                content[source.randrange(begin, end)] = source.randrange(256)
            try:
                outcome = "read" if len(reader.read_matrix(await decoder.decode(Client(), content))) else "empty"
            except InvalidRequest as error:
                outcome = error.code
            outcomes[outcome] = outcomes.get(outcome, 0) + 1

    asyncio.run(run())

    assert outcomes.keys() <= {"read", "malformed_body", "invalid_rows", "too_many_rows", "body_too_large"}
    assert {"read", "malformed_body", "invalid_rows"} <= outcomes.keys()


NONSENSE = {
    "nothing": "pass",
    "no stream": "out.write(b'nonsense')",
    "a stream that is cut off": "out.write(b'\\xff\\xff\\xff\\xff\\x00\\x10\\x00\\x00')",
    "an end": "out.write(b'\\xff\\xff\\xff\\xff\\x00\\x00\\x00\\x00')",
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_from_the_process_is_refused(read, rows, hostile, name):
    hostile(NONSENSE[name])

    with pytest.raises(MalformedBody, match="Invalid Parquet file"):
        read(parquet(table(rows)))


@pytest.mark.parametrize(
    ("body", "end", "status", "text"),
    [
        ("raise ValueError", "refused by the library", "exit code 3", "is damaged"),
        ("os.abort()", "failed", "SIGABRT", "is damaged"),
        ("time.sleep(60)", "over the limit of time", "SIGKILL", "took longer than 1 s"),
        ("while True: out.write(bytes(65536))", "over the limit of output", "SIGKILL", "more than 4,194,304 bytes"),
    ],
)
def test_log_says_how_the_process_ended_and_the_client_what_to_do(read, rows, hostile, caplog, body, end, status, text):
    hostile(body)

    with caplog.at_level(logging.WARNING), pytest.raises((MalformedBody, BodyTooLarge), match=text):
        read(parquet(table(rows)), limits=Limits(256 * MEBIBYTE, 4 * MEBIBYTE, 1))

    (record,) = [record for record in caplog.records if record.name == "espalier.api.parquet"]
    assert (record.end, record.status) == (end, status)


def test_process_that_cannot_be_started_is_to_be_tried_again(read, rows, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/missing")

    with pytest.raises(Busy):
        read(parquet(table(rows)))


def test_one_file_is_decoded_at_a_time_and_the_others_wait_or_are_refused(make, rows, hostile):
    hostile("time.sleep(1)\nraise ValueError")
    file, decoder = parquet(table(rows)), make(waiting=1)

    async def run():
        started = time.monotonic()
        found = await asyncio.gather(*(decoder.decode(Client(), file) for _ in range(3)), return_exceptions=True)
        return [type(error) for error in found], time.monotonic() - started

    kinds, seconds = asyncio.run(run())

    assert sorted(kind.__name__ for kind in kinds) == ["Busy", "MalformedBody", "MalformedBody"]
    assert seconds > 2, "one after the other"


def test_time_of_refused_files_counts_for_those_that_wait(make, rows, hostile):
    """Else a queue of files that take long and fail would be longer than it may be."""
    hostile("time.sleep(0.5)\nraise ValueError")
    file, decoder = parquet(table(rows)), make(wait_seconds=0.4)

    async def run():
        with pytest.raises(MalformedBody):
            await decoder.decode(Client(), file)
        first = asyncio.create_task(decoder.decode(Client(), file))
        await asyncio.sleep(0.1)
        with pytest.raises(Busy):
            await decoder.decode(Client(), file)
        with pytest.raises(MalformedBody):
            await first

    asyncio.run(run())


@pytest.mark.parametrize("reason", ["gone", "cancelled"])
def test_process_ends_when_its_client_is_gone_or_the_request_cancelled(make, rows, hostile, reason, caplog):
    hostile("time.sleep(60)")
    client, decoder = Client(), make()

    async def go():
        task = asyncio.create_task(decoder.decode(client, parquet(table(rows))))
        await asyncio.sleep(0.5)
        if reason == "gone":
            client.is_gone = True
        else:
            task.cancel()
        with pytest.raises(BodyCutShort if reason == "gone" else asyncio.CancelledError):
            await task

    asyncio.run(go())  # the thread says how the process ended

    while not caplog.records:
        time.sleep(0.01)
    assert [record.end for record in caplog.records] == ["stopped"]


def test_library_is_not_imported_here(read, rows):
    read(parquet(table(rows)))

    assert not {name for name in sys.modules if name.startswith("arro3.")}
