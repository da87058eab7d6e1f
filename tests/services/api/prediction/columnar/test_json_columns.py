import json
import tracemalloc

import numpy as np
import pytest

from bundle import Contract, Feature
from evaluation.encoding import encode
from services.api.errors import InvalidRequest, InvalidRows, MalformedBody, TooManyRows
from services.api.prediction.columnar.columns import Columns
from services.api.prediction.columnar.json_columns import JsonColumnsReader, is_columnar

MAX_ROWS = 1000


@pytest.fixture
def reader(contract):
    return JsonColumnsReader(contract, Columns(contract), max_rows=MAX_ROWS)


def body(columns, **more):
    return json.dumps({"columns": columns, **more}).encode()


def columns_of(contract, rows=2, **changes):
    return {name: [value] * rows for name, value in contract.example.items()} | changes


def problems(reader, content):
    with pytest.raises(InvalidRows) as refused:
        reader.read_matrix(content)
    return [(problem.field, problem.message, problem.reason) for problem in refused.value.problems]


@pytest.mark.parametrize("text", ["loam", "moon", "12:30", "a,b", 'quote"d', "back\\slash", '"columns":', None])
def test_texts_of_any_kind(reader, contract, text):
    rows = [dict(contract.example, soil=text)] * 3

    found = reader.read_matrix(body(columns_of(contract, 3, soil=[text] * 3)))

    np.testing.assert_array_equal(found, encode(rows, contract))


def test_most_rows_are_accepted(reader, contract):
    texts = ["a,b:c" * 20] * MAX_ROWS

    assert reader.read_matrix(body(columns_of(contract, MAX_ROWS, soil=texts))).shape == (MAX_ROWS, 5)


@pytest.mark.parametrize("rows", [MAX_ROWS + 1, 2 * MAX_ROWS, 50 * MAX_ROWS])
def test_too_many_rows(reader, contract, rows):
    with pytest.raises(TooManyRows, match="at most 1,000 rows"):
        reader.read_matrix(body(columns_of(contract, rows)))


def test_wrong_types_are_named_by_row(reader, contract):
    found = problems(reader, body(columns_of(contract, height=[1, "2"], grafted=[1, True], kind=["pear", 5])))

    assert found == [
        ("columns.height[1]", "must be a number from 0 to 50 m or null", "wrong_type"),
        ("columns.grafted[0]", "must be true or false", "wrong_type"),
        ("columns.kind[1]", "must be one of apple, pear, plum", "unknown_category"),
    ]


@pytest.mark.parametrize("value", ["1", '"a"', "null", "{}", "true"])
def test_column_must_be_a_list(reader, contract, value):
    content = body(columns_of(contract)).replace(b'"age": [12, 12]', b'"age": ' + value.encode())

    assert problems(reader, content) == [("columns.age", "must be a list with a value for each row", "wrong_type")]


def test_numbers_beyond_floats_are_out_of_range(reader, contract):
    content = body(columns_of(contract)).replace(b"[12, 12]", b"[12, 1e999]")

    assert problems(reader, content) == [("columns.age[1]", "must be a whole number from 0 to 300 a", "out_of_range")]


def test_at_most_twenty_problems(reader, contract):
    found = problems(reader, body(columns_of(contract, 50, age=["x"] * 50, height=["y"] * 50)))

    assert [problem[0] for problem in found] == [f"columns.height[{row}]" for row in range(20)]


def test_columns_of_different_lengths(reader, contract):
    with pytest.raises(MalformedBody, match="height has 2 values and age has 3"):
        reader.read_matrix(body(columns_of(contract, age=[1, 2, 3])))


def test_columns_without_values(reader, contract):
    with pytest.raises(MalformedBody, match="at least one value"):
        reader.read_matrix(body(columns_of(contract, 0)))


def test_missing_and_unknown_columns(reader, contract):
    columns = columns_of(contract, size=[1, 2])
    del columns["age"]

    assert [(field, reason) for field, _, reason in problems(reader, body(columns))] == [
        ("columns.size", "unknown_feature"),
        ("columns.age", "missing_feature"),
    ]


@pytest.mark.parametrize("name", ["age", "\\u0061ge"])
def test_duplicate_column(reader, contract, name):
    content = body(columns_of(contract)).replace(b'"kind"', f'"{name}": [1, 2], "kind"'.encode())

    assert [(field, reason) for field, _, reason in problems(reader, content)] == [("columns.age", "duplicate_feature")]


def test_duplicate_that_hides_a_missing_column(reader, contract):
    columns = columns_of(contract)
    del columns["kind"]
    content = body(columns)[:-2] + b', "age": [1, 2]}}'

    assert [(field, reason) for field, _, reason in problems(reader, content)] == [("columns.kind", "missing_feature")]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"columns": []}',
        b'{"columns": {}}',
        b'{"columns": 5}',
        b'{"columns": {"age": [1}}',
        b'{"columns": {"age": ["\xff"]}}',
        b'{"columns": {"height": [NaN], "age": [1], "grafted": [true], "kind": ["pear"], "soil": ["clay"]}}',
        b'{"columns": {"height": [1], "age": [1], "grafted": [true], "kind": ["\\ud800"], "soil": ["clay"]}}',
        b'{"columns": {"height": [1], "age": [1], "grafted": [true], "kind": ["\xff"], "soil": ["clay"]}}',
        b'{"columns": {"height": ' + b"[" * 100_000,
        b'{"columns": ' + b'{"a":' * 100_000,
    ],
)
def test_what_is_not_columns_in_json(reader, content):
    with pytest.raises(InvalidRequest):
        reader.read_matrix(content)


def test_other_members_are_refused(reader, contract):
    with pytest.raises(InvalidRequest):
        reader.read_matrix(body(columns_of(contract), rows=[]))


def test_names_with_colons_and_escapes():
    names = ["a:b", 'quote"d', "line\nbreak", "ä"]
    contract = Contract(
        model_name="t",
        features=tuple(Feature(name=name, type="float") for name in names),
        target={"name": "t", "classes": ("no", "yes"), "threshold": 0.5},
        example=dict.fromkeys(names, 1.0),
    )
    reader = JsonColumnsReader(contract, Columns(contract), max_rows=5)

    assert reader.read_matrix(body({name: [2.5] for name in names})).tolist() == [[2.5] * 4]


@pytest.mark.parametrize(
    "content",
    [
        b'{"columns": {' + b",".join(b'"%d":[]' % number for number in range(100_000)) + b"}}",
        b'{"columns": {"height": [' + b"0," * 1_000_000 + b"0]}}",
        b'{"columns": {"height": [' + b"[]," * 1_000_000 + b"0]}}",
        b'{"columns": {"soil": [' + b'"",' * 1_000_000 + b'""]}}',
        b'{"columns": {' + b'"height":[],' * 100_000 + b'"age":[]}}',
    ],
    ids=["names", "numbers", "lists", "texts", "duplicates"],
)
def test_memory_is_bounded_by_the_rows(contract, reader, content):
    filled = b",".join(b'"%s":[1]' % name.encode() for name in contract.example if name.encode() not in content)
    content = content[:-2] + b"," + filled + b"}}"
    tracemalloc.start()
    with pytest.raises(InvalidRequest):
        reader.read_matrix(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * len(content) + 1_000_000


@pytest.mark.parametrize("begin", [b'{"columns":', b' \n{ "columns" : {"a": [1]}}'])
def test_columns_are_told_from_the_beginning(begin):
    assert is_columnar(begin)
    assert is_columnar(bytearray(begin))


@pytest.mark.parametrize("begin", [b"", b'{"rows":', b'{"columns"', b'{"column":', b" " * 64 + b'{"columns":'])
def test_everything_else_are_rows(begin):
    assert not is_columnar(begin)


def test_schema_describes_the_columns(reader):
    schema = reader.schema()

    assert schema["required"] == ["columns"]
    columns = schema["$defs"]["Columns"]
    assert columns["additionalProperties"] is False
    assert columns["properties"]["kind"]["items"]["enum"] == ["apple", "pear", "plum"]
    assert columns["properties"]["age"]["maxItems"] == MAX_ROWS
