import numpy as np
import pyarrow as pa
import pytest

from services.api.prediction.columnar.arrow_batch import read_columns
from services.api.prediction.columnar.arrow_buffers import Buffers
from services.api.prediction.columnar.arrow_messages import RECORDS, split
from services.api.prediction.columnar.arrow_schema import read_plan
from services.api.prediction.columnar.columns import Columns
from services.api.prediction.columnar.flatbuffers import Malformed
from tests.services.api.prediction.columnar.arrow import stream, table

CODED = pa.dictionary(pa.int8(), pa.string())


def columns_of(contract, rows, codes=None):
    """Read the record batch of a table with a dictionary for ``kind``."""
    columns = Columns(contract)
    schema, *messages = split(memoryview(stream(table(rows, kind=CODED))))
    plan = read_plan(schema.header, columns)
    batch = next(message for message in messages if message.kind == RECORDS)
    buffers = Buffers(batch.header, batch.body, plan.fields, max_rows=100)
    return read_columns(buffers, plan, columns.coders, {3: np.array([0.0, 2.0, np.nan])} if codes is None else codes)


def filled(column, rows):
    block = np.empty(rows)
    column.fill(block, 0, rows)
    return block.tolist()


def test_every_kind_of_column(contract):
    rows = [
        dict(contract.example, height=None, kind="apple", soil="sand"),
        dict(contract.example, height=1.5, kind="plum", grafted=False, soil=None),
        dict(contract.example, height=2.5, kind=None, soil="moon"),
    ]

    height, age, grafted, kind, soil = (filled(column, 3) for column in columns_of(contract, rows))

    np.testing.assert_equal(height, [np.nan, 1.5, 2.5])
    assert (age, grafted) == ([12, 12, 12], [1, 0, 1])
    np.testing.assert_equal(kind, [0, 2, np.nan])
    np.testing.assert_equal(soil, [3, np.nan, np.nan])


def test_part_of_the_rows(contract):
    rows = [dict(contract.example, height=float(number), kind="plum" if number % 2 else "apple") for number in range(9)]
    columns = columns_of(contract, rows)
    block = np.empty(3)

    columns[0].fill(block, 4, 7)
    assert block.tolist() == [4, 5, 6]
    columns[3].fill(block, 4, 7)
    assert block.tolist() == [0, 2, 0]


def test_dictionary_must_have_arrived(contract):
    with pytest.raises(Malformed, match="dictionary is missing"):
        columns_of(contract, [contract.example], codes={})


@pytest.mark.parametrize("codes", [np.array([np.nan]), np.array([1.0, np.nan])])
def test_value_outside_of_its_dictionary(contract, codes):
    rows = [dict(contract.example, kind=kind) for kind in ("apple", "plum")]

    with pytest.raises(Malformed, match="outside of its dictionary"):
        filled(columns_of(contract, rows, {3: codes})[3], 2)


def test_missing_values_need_no_dictionary(contract):
    found = columns_of(contract, [dict(contract.example, kind=None)], {3: np.array([-1.0])})

    assert filled(found[3], 1) == [-1]
