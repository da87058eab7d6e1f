import io
import random

import polars
import pyarrow as pa
import pytest

from services.api.prediction.columnar.flatbuffers import Malformed
from services.api.prediction.parquet.footer import Footer, read_footer
from tests.services.api.prediction.columnar.arrow import ORCHARD, table
from tests.services.api.prediction.parquet.files import claim, element, parquet, with_metadata

COLUMNS = [element(name) for name in ORCHARD]
ROOT = element("schema", len(ORCHARD))


def read(file):
    return read_footer(file, max_columns=25)


@pytest.mark.parametrize("group", [1, 100])
def test_rows_and_columns_as_pyarrow_writes_them(contract, group):
    file = parquet(table([contract.example] * 7), row_group_size=group)

    assert read(file) == Footer(7, tuple(ORCHARD), frozenset())
    assert read(bytearray(file)).rows == 7


def test_rows_and_columns_as_polars_writes_them(contract):
    sink = io.BytesIO()
    polars.DataFrame([contract.example] * 7).write_parquet(sink)

    assert read(sink.getvalue()) == Footer(7, tuple(ORCHARD), frozenset())


def test_columns_of_columns_are_told_apart():
    nested = pa.table(
        {
            "flat": [1],
            "list": [[1, 2]],
            "struct": [{"a": 1, "b": {"c": 2}}],
            "last": [3],
        }
    )

    assert read(parquet(nested)) == Footer(1, ("flat", "list", "struct", "last"), frozenset({"list", "struct"}))


def test_claimed_rows_are_returned_whatever_the_file_has():
    assert read(with_metadata(claim(10**9, [ROOT, *COLUMNS]))) == Footer(10**9, tuple(ORCHARD), frozenset())


def test_of_many_columns_the_first_are_returned():
    many = [element(f"c{number}") for number in range(100)]

    assert read(with_metadata(claim(1, [element("schema", 100), *many]))).columns == tuple(f"c{n}" for n in range(25))


ENCRYPTED = with_metadata(claim(1, [ROOT, *COLUMNS]))[:-4] + b"PARE"
WRONG = {
    "empty": (b"", "begin and end"),
    "short": (b"PAR1PAR1", "begin and end"),
    "another file": (b"ARROW1" + bytes(50), "begin and end"),
    "cut off": (with_metadata(claim(1, [ROOT, *COLUMNS]))[:-1], "begin and end"),
    "encrypted": (ENCRYPTED, "encrypted"),
    "a length over the file": (with_metadata(claim(1, COLUMNS), length=2**32 - 1), "longer than the file"),
    "no metadata": (with_metadata(b""), "too early"),
    "no fields": (with_metadata(b"\0"), "no schema, or no number of rows"),
    "rows before the schema": (with_metadata(b"\x36\x02\0"), "no schema, or no number of rows"),
    "negative rows": (with_metadata(claim(-1, [ROOT, *COLUMNS])), "negative"),
    "negative children": (with_metadata(claim(1, [ROOT, element("a", -5)])), "negative"),
    "a schema of numbers": (with_metadata(b"\x29\x15\x02"), "no elements"),
    "endless schema": (with_metadata(claim(1, COLUMNS, length=2**60)), "too early|unknown type"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said(name):
    content, text = WRONG[name]

    with pytest.raises(Malformed, match=text):
        read(content)


def test_damaged_metadata_is_read_or_refused(contract):
    whole, source, outcomes = parquet(table([contract.example] * 3)), random.Random(5), set()  # noqa: S311
    begin = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for _ in range(3000):
        content = bytearray(whole)
        for _ in range(source.randrange(1, 4)):
            content[source.randrange(begin, len(content))] = source.randrange(256)
        try:
            outcomes.add(type(read(content)))
        except Malformed:
            outcomes.add(Malformed)

    assert outcomes == {Footer, Malformed}
