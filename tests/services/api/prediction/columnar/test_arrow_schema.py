import numpy as np
import pyarrow as pa
import pytest

from services.api.errors import InvalidRows
from services.api.prediction.columnar.arrow_messages import SCHEMA, split, write_message
from services.api.prediction.columnar.arrow_schema import Kind, read_plan
from services.api.prediction.columnar.columns import Columns
from services.api.prediction.columnar.flatbuffers import INT16, INT32, UINT8, Malformed, Number
from tests.services.api.prediction.columnar.arrow import ORCHARD, stream


def plan(contract, **types):
    schema = pa.schema([(name, kind) for name, kind in (ORCHARD | types).items()])
    return read(contract, stream(schema.empty_table()))


def read(contract, content):
    return read_plan(next(split(memoryview(content))).header, Columns(contract))


def test_columns_are_matched_by_name(contract):
    names = [feature.name for feature in contract.features]
    schema = pa.schema([(name, ORCHARD[name]) for name in names[::-1]])

    found = read(contract, stream(schema.empty_table()))

    assert found.features == (4, 3, 2, 1, 0)
    assert [field.name for field in found.fields] == names[::-1]
    assert [field.kind for field in found.fields] == [Kind.TEXT, Kind.TEXT, Kind.BOOL, Kind.NUMBER, Kind.NUMBER]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (pa.string(), (Kind.TEXT, "<i4")),
        (pa.large_string(), (Kind.TEXT, "<i8")),
        (pa.string_view(), (Kind.VIEW, "")),
        (pa.null(), (Kind.MISSING, "")),
        (pa.dictionary(pa.uint16(), pa.string()), (Kind.CODED, "<u2")),
        (pa.dictionary(pa.int64(), pa.large_string()), (Kind.CODED, "<i8")),
    ],
)
def test_kinds_of_a_category(contract, kind, expected):
    field = plan(contract, soil=kind).fields[4]

    assert (field.kind, field.dtype) == expected


@pytest.mark.parametrize("name", ["int8", "uint64", "float16", "float64"])
def test_numbers_have_their_width(contract, name):
    field = plan(contract, height=getattr(pa, name)()).fields[0]

    assert (field.kind, np.dtype(field.dtype).name) == (Kind.NUMBER, name)


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ({"height": pa.string()}, "must be a number from 0 to 50 m or null; its type is utf8"),
        ({"height": pa.bool_()}, "must be a number from 0 to 50 m or null; its type is bool"),
        ({"height": pa.decimal128(5, 2)}, "must be a number from 0 to 50 m or null; its type is decimal"),
        ({"height": pa.list_(pa.float32())}, "must be a number from 0 to 50 m or null; its type is list"),
        ({"height": pa.struct([("a", pa.int8())])}, "must be a number from 0 to 50 m or null; its type is struct"),
        ({"age": pa.date32()}, "must be a whole number from 0 to 300 a; its type is date"),
        ({"grafted": pa.int8()}, "must be true or false; its type is int8"),
        ({"kind": pa.binary()}, "must be one of apple, pear, plum; its type is binary"),
        ({"kind": pa.int8()}, "must be one of apple, pear, plum; its type is int8"),
        (
            {"kind": pa.dictionary(pa.int8(), pa.int32())},
            "must be one of apple, pear, plum; its type is dictionary of int32",
        ),
        (
            {"height": pa.dictionary(pa.int8(), pa.float32())},
            "must be a number from 0 to 50 m or null; its type is dictionary of float32",
        ),
    ],
)
def test_other_types_are_refused(contract, types, message):
    with pytest.raises(InvalidRows) as refused:
        plan(contract, **types)

    (problem,) = refused.value.problems
    assert (problem.field, problem.message) == (f"columns.{next(iter(types))}", message)
    assert problem.reason == "wrong_type"


def test_nested_types_are_named_and_not_read(contract):
    """The columns within a column have no buffers of a plan, so they must not be accepted."""
    with pytest.raises(InvalidRows, match="1 value"):
        plan(contract, soil=pa.list_(pa.string()))


def test_thousands_of_columns_name_twenty(contract):
    schema = pa.schema([(str(number), pa.int8()) for number in range(5_000)])

    with pytest.raises(InvalidRows) as refused:
        read(contract, stream(schema.empty_table()))

    assert [problem.field for problem in refused.value.problems] == [f"columns.{number}" for number in range(20)]


def field(name, number, kind):
    return {0: name, 2: Number(UINT8, number), 3: kind}


@pytest.mark.parametrize(
    ("number", "kind"),
    [(0, {}), (27, {}), (200, {}), (2, {0: Number(INT32, 24)}), (2, {}), (3, {0: Number(INT16, 3)})],
)
def test_unknown_types_are_malformed(contract, number, kind):
    fields = [field(feature.name, number, kind) for feature in contract.features]

    with pytest.raises(Malformed):
        read(contract, write_message(SCHEMA, {1: fields}))


def test_big_endian_numbers_are_refused(contract):
    with pytest.raises(Malformed, match="big-endian"):
        read(contract, write_message(SCHEMA, {0: Number(INT16, 1)}))
