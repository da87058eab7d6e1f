import json

import pytest

from bundle import Contract, Feature
from evaluation.row_schema import FieldSpec, dict_type
from services.api.errors import BodyTooLarge, FieldProblem, InvalidRows, MalformedBody, TooManyRows
from services.api.prediction.validation import ListReader, RowReader


@pytest.fixture
def reader(contract: Contract):
    return RowReader(contract, max_rows=5)


@pytest.fixture
def good(contract):
    return dict(contract.example)


def body(*rows):
    return json.dumps({"rows": rows}).encode()


def refused(reader, row):
    with pytest.raises(InvalidRows) as caught:
        reader.read(body(row))
    (problem,) = caught.value.problems
    return problem


def test_valid_rows_are_returned_unchanged(reader, good):
    with_gap = {**good, "height": None, "soil": "moon"}

    assert reader.read(body(good, with_gap)) == [good, with_gap]


@pytest.mark.parametrize(
    ("change", "message", "reason"),
    [
        ({"height": 51}, "must be a number from 0 to 50 m or null", "out_of_range"),
        ({"height": -0.1}, "must be a number from 0 to 50 m or null", "out_of_range"),
        ({"height": "3"}, "must be a number from 0 to 50 m or null", "wrong_type"),
        ({"height": True}, "must be a number from 0 to 50 m or null", "wrong_type"),
        ({"height": [3]}, "must be a number from 0 to 50 m or null", "wrong_type"),
        ({"age": 3.5}, "must be a whole number from 0 to 300 a", "wrong_type"),
        ({"age": 10**400}, "must be a whole number from 0 to 300 a", "out_of_range"),
        ({"age": 2**70}, "must be a whole number from 0 to 300 a", "out_of_range"),
        ({"age": 2.6e-42}, "must be a whole number from 0 to 300 a", "wrong_type"),
        ({"age": 12.0000000001}, "must be a whole number from 0 to 300 a", "wrong_type"),
        ({"age": True}, "must be a whole number from 0 to 300 a", "wrong_type"),
        ({"age": "12"}, "must be a whole number from 0 to 300 a", "wrong_type"),
        ({"grafted": 0}, "must be true or false", "wrong_type"),
        ({"grafted": 1.0}, "must be true or false", "wrong_type"),
        ({"age": None}, "must be a whole number from 0 to 300 a", "wrong_type"),
        ({"grafted": 1}, "must be true or false", "wrong_type"),
        ({"grafted": "true"}, "must be true or false", "wrong_type"),
        ({"kind": "cherry"}, "must be one of apple, pear, plum", "unknown_category"),
        ({"kind": 1}, "must be one of apple, pear, plum", "unknown_category"),
        ({"soil": ""}, "must be a text of 1 to 200 characters or null", "wrong_type"),
        ({"soil": "s" * 201}, "must be a text of 1 to 200 characters or null", "wrong_type"),
    ],
)
def test_wrong_value_names_its_field_and_the_expected_value(reader, good, change, message, reason):
    problem = refused(reader, good | change)

    assert problem.field == f"rows[0].{next(iter(change))}"
    assert problem.message == message
    assert problem.reason == reason


@pytest.mark.parametrize("text", ["12", "12.0", "1.2e1", "-0.0"])
def test_whole_number_may_be_written_with_a_fraction_of_zero(reader, good, text):
    raw = body(good).replace(b'"age": 12', b'"age": ' + text.encode())

    assert reader.read(raw)[0]["age"] == float(text)


def test_missing_feature_is_named(reader, good):
    del good["age"]

    problem = refused(reader, good)

    assert problem.field == "rows[0].age"
    assert problem.message == "is missing; it must be a whole number from 0 to 300 a"
    assert problem.reason == "missing_feature"


def test_unknown_feature_lists_the_known_ones(reader, good):
    problem = refused(reader, good | {"colour": "red"})

    assert problem.field == "rows[0].colour"
    assert problem.message == "is not a feature of this model; the features are height, age, grafted, kind, soil"
    assert problem.reason == "unknown_feature"


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ('"age": 12', '"age": 12, "age": 13', "age"),
        ('"soil": "loam"', '"soil": "loam", "s\\u006fil": "clay"', "soil"),
        ('"soil": "loam"', '"soil": "a\\u003ab", "soil": "clay"', "soil"),
    ],
)
def test_duplicate_feature_is_refused_at_any_position(reader, good, before, after, field):
    raw = body(good, good).decode()
    place = raw.rindex(before)

    with pytest.raises(InvalidRows) as caught:
        reader.read((raw[:place] + raw[place:].replace(before, after)).encode())

    problem = caught.value.problems[0]
    assert (problem.field, problem.message, problem.reason) == (
        f"rows[1].{field}",
        "is a duplicate",
        "duplicate_feature",
    )


def test_duplicate_feature_with_a_wrong_value_is_refused(reader, good):
    raw = body(good).replace(b'"age": 12', b'"age": 12, "age": {"deeper": [1]}')

    with pytest.raises(InvalidRows) as caught:
        reader.read(raw)

    assert [problem.field for problem in caught.value.problems] == ["rows[0].age"]


def test_duplicate_rows_member_is_refused(reader, good):
    raw = body(good).decode()

    with pytest.raises(MalformedBody, match="exactly one member"):
        reader.read(f"{raw[:-1]}, {raw[1:]}".encode())


def test_colons_in_a_text_are_not_members(reader, good):
    assert reader.read(body(good | {"soil": "a:b:c"}))[0]["soil"] == "a:b:c"


def test_unknown_names_and_wrong_values_are_listed_together(reader, good):
    del good["age"]

    with pytest.raises(InvalidRows) as caught:
        reader.read(body(good | {"agee": 12, "grafted": 1}))

    assert {(problem.field, problem.reason) for problem in caught.value.problems} == {
        ("rows[0].agee", "unknown_feature"),
        ("rows[0].age", "missing_feature"),
        ("rows[0].grafted", "wrong_type"),
    }


@pytest.mark.parametrize("kind", ["float", "int"])
@pytest.mark.parametrize("value", ["1e39", "-1e39", "3.41e38", "-3.41e38"])
def test_number_that_the_model_cannot_hold_is_refused(contract, kind, value):
    bare = Contract(model_name="m", features=(Feature(name="x", type=kind),), target=contract.target, example={"x": 1})

    with pytest.raises(InvalidRows) as caught:
        RowReader(bare, max_rows=1).read(f'{{"rows": [{{"x": {value}}}]}}'.encode())

    (problem,) = caught.value.problems
    assert problem.reason == "out_of_range"
    assert problem.message.endswith("within 32 bits (up to 3.4e38)")


def test_row_that_is_not_an_object_is_listed(reader, good):
    problem = refused(reader, 7)

    assert (problem.field, problem.message) == ("rows[0]", "must be an object")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_nan_and_infinity_in_json_are_refused(reader, good, text):
    raw = body(good).replace(b"3.5", text.encode())

    with pytest.raises(MalformedBody, match="Invalid JSON"):
        reader.read(raw)


@pytest.mark.parametrize("text", ["1e400", "-1e400"])
def test_number_that_parses_as_infinite_is_out_of_range(reader, good, text):
    with pytest.raises(InvalidRows) as caught:
        reader.read(body(good).replace(b"3.5", text.encode()))

    assert [problem.reason for problem in caught.value.problems] == ["out_of_range"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"rows": []}',
        b'{"rows": 1}',
        b'{"lines": []}',
        b'{"rows": [], "more": 1}',
        b"[" * 10_000,
        '{"rows": []}'.encode("utf-16"),
        b"\xff\xfe",
    ],
)
def test_body_of_another_structure_is_refused(reader, raw):
    with pytest.raises(MalformedBody, match=r'\{"rows": \[\{feature: value'):
        reader.read(raw)


@pytest.mark.parametrize("max_rows", [5, 1000])
def test_body_that_is_nested_too_deep_is_refused(contract, max_rows):
    with pytest.raises((MalformedBody, InvalidRows)):
        RowReader(contract, max_rows=max_rows).read(b'{"rows": [' * 5_000)


def test_too_many_rows_are_refused(reader, good):
    with pytest.raises(TooManyRows, match="at most 5 rows"):
        reader.read(body(*[good] * 6))


def test_long_list_of_problems_is_truncated(contract, good):
    with pytest.raises(InvalidRows, match=r"20 or more value\(s\)") as caught:
        RowReader(contract, max_rows=30).read(body(*[good | {"age": -1}] * 30))

    assert len(caught.value.problems) == 20


def test_too_large_body_has_its_own_error():
    assert BodyTooLarge.reason == "body_too_large"


def test_too_many_unknown_names_list_the_first_twenty(reader, good):
    row = good | {f"unknown_{number:04}": 1 for number in range(5000)}

    with pytest.raises(InvalidRows, match=r"^20 or more value\(s\)") as caught:
        reader.read(body(row))

    assert [problem.field for problem in caught.value.problems] == [f"rows[0].unknown_{n:04}" for n in range(20)]


def test_wrong_value_is_listed_in_a_body_too_large_to_parse(reader, good):
    endless = {**good, "age": [1] * 5000}

    with pytest.raises(InvalidRows) as caught:
        reader.read(body({**good, "kind": "cherry"}, {**good, "age": "x"}, endless))

    assert [problem.field for problem in caught.value.problems] == ["rows[0].kind", "rows[1].age"]


def test_too_many_values_in_the_last_row_are_reported(reader, good):
    with pytest.raises(MalformedBody, match=r"rows: more names and values than 5 rows .*; the body must be \{\"rows\""):
        reader.read(body({**good, "age": [1] * 5000}))


def test_invalid_json_at_the_beginning_is_reported(reader):
    with pytest.raises(MalformedBody, match=r"Invalid JSON: .*; the body must be \{\"rows\""):
        reader.read(b'{"rows": [{"age": nothing' + b", 1" * 5000)


def test_repeated_name_is_listed_twenty_times(reader, good):
    again = json.dumps(good)[:-1] + ', "age": 1' * 30 + "}"

    with pytest.raises(InvalidRows) as caught:
        reader.read(f'{{"rows": [{again}]}}'.encode())

    assert {problem.field for problem in caught.value.problems} == {"rows[0].age"}
    assert len(caught.value.problems) == 20


def test_problems_of_several_rows_are_twenty_in_all(contract, good):
    row = good | {name: [] for name in ("age", "grafted", "kind")}  # three, of which twenty is no multiple
    reader = RowReader(contract, max_rows=100)

    with pytest.raises(InvalidRows) as caught:
        reader.read(body(*[row] * 30))

    assert len(caught.value.problems) == 20
    assert caught.value.problems[-1].field == "rows[6].grafted"


def test_field_is_shown_up_to_200_characters(reader, good):
    problem = refused(reader, {**good, "x" * 300: 1})

    assert problem.field == ("rows[0]." + "x" * 300)[:200]


def test_schema_of_a_body_is_a_list_of_components(reader):
    schema = reader.schema()

    assert schema["title"] == "Body"
    assert schema["properties"]["rows"] == {
        "title": "Rows",
        "type": "array",
        "minItems": 1,
        "maxItems": 5,
        "items": {"$ref": "#/components/schemas/Row"},
    }


def test_ordinary_body_is_parsed_once(reader, good, monkeypatch):
    text = body(good, good)
    monkeypatch.setattr(json, "loads", lambda *_arguments, **_options: pytest.fail("parsed a second time"))

    assert reader.read(text) == [good, good]


def test_truncated_body_is_invalid_json(reader, good):
    with pytest.raises(MalformedBody, match="Invalid JSON"):
        reader.read(body(good)[:-2])


def test_exact_number_of_problems_is_reported_below_twenty(reader, good):
    with pytest.raises(InvalidRows, match=r"^1 value\(s\) do not match"):
        reader.read(body(good | {"age": -1}))


@pytest.fixture
def orders():
    """A reader of lists whose items contain objects and a list."""
    person = dict_type("Person", {"age": float})
    kind = dict_type("Order", {"buyer": person, "seller": person, "notes": list[str]})
    of_person = FieldSpec("a person", names={"age": FieldSpec("a number")}, unknown="is nothing of a person")
    names = {"buyer": of_person, "seller": of_person, "notes": FieldSpec("a list of texts")}
    place = FieldSpec("an order", names=names, unknown="is nothing of an order")
    return ListReader("orders", kind, place, form="a list of orders", max_rows=3, more_tokens=9)


@pytest.fixture
def order():
    return {"buyer": {"age": 30.0}, "seller": {"age": 40.0}, "notes": []}


def test_nested_objects_are_returned_unchanged(orders, order):
    assert orders.read(json.dumps({"orders": [order, order]}).encode()) == [order, order]


@pytest.mark.parametrize(
    ("change", "field", "message", "reason"),
    [
        ({"buyer": {"age": "x"}}, "buyer.age", "must be a number", "wrong_type"),
        ({"seller": {}}, "seller.age", "is missing; it must be a number", "missing_feature"),
        ({"seller": {"age": 1, "name": "x"}}, "seller.name", "is nothing of a person", "unknown_feature"),
        ({"notes": ["a", 1]}, "notes", "must be a list of texts", "wrong_type"),
        ({"price": 1}, "price", "is nothing of an order", "unknown_feature"),
    ],
)
def test_problem_in_an_object_of_an_item_is_named(orders, order, change, field, message, reason):
    with pytest.raises(InvalidRows) as caught:
        orders.read(json.dumps({"orders": [order, order | change]}).encode())

    assert caught.value.problems == (FieldProblem(f"orders[1].{field}", message, reason),)


def test_unknown_name_and_wrong_value_are_both_listed(orders, order):
    wrong = order | {"buyer": {"age": 1, "name": "x"}, "notes": 1}

    with pytest.raises(InvalidRows) as caught:
        orders.read(json.dumps({"orders": [wrong]}).encode())

    assert [problem.field for problem in caught.value.problems] == ["orders[0].buyer.name", "orders[0].notes"]


def test_duplicate_name_in_a_nested_object_is_listed(orders, order):
    raw = json.dumps({"orders": [order, order]}).replace('"age": 40.0', '"age": 1, "age": 40.0').encode()

    with pytest.raises(InvalidRows) as caught:
        orders.read(raw)

    assert [problem.field for problem in caught.value.problems] == ["orders[0].seller.age", "orders[1].seller.age"]


def test_no_more_is_parsed_than_the_largest_valid_body_has(orders, order):
    """Of each of 3 items: 5 names with a text and a comma each, 3 objects, 1 for the list; 9 in lists, 8 around all."""
    most = 3 * (3 * 5 + 3 + 1) + 9 + 8

    def body_of(number):
        raw = json.dumps({"orders": [order | {"notes": [1]}]}).encode()
        tokens = raw.count(b'"') // 2 + raw.count(b",") + raw.count(b"[") + raw.count(b"{")
        return raw.replace(b'"notes": [1', b'"notes": [1' + b",1" * (number - tokens))

    with pytest.raises(InvalidRows):
        orders.read(body_of(most))
    with pytest.raises(MalformedBody, match="more names and values than 3 rows"):
        orders.read(body_of(most + 1))
