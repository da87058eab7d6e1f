import pytest
from pydantic import TypeAdapter, ValidationError

from bundle import Contract, Feature
from evaluation.row_schema import FieldSpec, describe, row_type


def test_description_names_the_limits(contract):
    age = next(feature for feature in contract.features if feature.name == "age")

    assert describe(age.model_copy(update={"maximum": 20261231.0})) == "a whole number from 0 to 20261231 a"


def test_many_categories_are_shortened(contract):
    kinds = next(feature for feature in contract.features if feature.name == "kind")
    many = kinds.model_copy(update={"categories": {f"k{number}": number for number in range(40)}})

    assert describe(many).endswith("k11, … (40 in total, see GET /v1/model)")


@pytest.mark.parametrize("kind", ["float", "int"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_non_finite_number_is_refused_by_the_type(contract, kind, value):
    bare = Contract(model_name="m", features=(Feature(name="x", type=kind),), target=contract.target, example={"x": 1})

    with pytest.raises(ValidationError, match=r"finite|less than|greater than"):
        TypeAdapter(row_type(bare)).validate_python({"x": value})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "a whole number from 0 to 300 a"),
        ({"unit": ""}, "a whole number from 0 to 300"),
        ({"minimum": None}, "a whole number to 300 a"),
        ({"maximum": None}, "a whole number from 0 a"),
    ],
)
def test_number_is_described_with_its_range_and_unit(contract, change, message):
    assert describe(contract.features[1].model_copy(update=change)) == message


def test_twelve_categories_are_all_named(contract):
    names = [f"k{number}" for number in range(12)]
    twelve = contract.features[3].model_copy(update={"categories": {name: at for at, name in enumerate(names)}})

    assert describe(twelve) == f"one of {', '.join(names)}"


def test_schema_of_a_row_is_the_contract(contract):
    """As in OpenAPI: a whole number is an integer there, although 12.0 is accepted too."""
    schema = TypeAdapter(row_type(contract)).json_schema()

    assert schema == {
        "title": "Row",
        "type": "object",
        "additionalProperties": False,
        "required": ["height", "age", "grafted", "kind", "soil"],
        "properties": {
            "height": {
                "title": "Height",
                "description": "Height",
                "unit": "m",
                "anyOf": [{"type": "number", "minimum": 0.0, "maximum": 50.0}, {"type": "null"}],
            },
            "age": {"title": "Age", "unit": "a", "type": "integer", "minimum": 0.0, "maximum": 300.0},
            "grafted": {"title": "Grafted", "type": "boolean"},
            "kind": {"title": "Kind", "type": "string", "enum": ["apple", "pear", "plum"]},
            "soil": {
                "title": "Soil",
                "anyOf": [{"type": "string", "minLength": 1, "maxLength": 200}, {"type": "null"}],
            },
        },
    }


def test_schema_of_a_number_without_bounds_has_none(contract):
    bare = Contract(model_name="m", features=(Feature(name="x", type="int"),), target=contract.target, example={"x": 1})

    assert TypeAdapter(row_type(bare)).json_schema()["properties"]["x"] == {"title": "X", "type": "integer"}


@pytest.mark.parametrize("kind", ["float", "int"])
@pytest.mark.parametrize("value", [-3.4e38, -5.0, 0.0, 5.0, 3.4e38])
def test_number_without_a_range_accepts_any_float32(contract, kind, value):
    bare = Contract(model_name="m", features=(Feature(name="x", type=kind),), target=contract.target, example={"x": 1})

    assert TypeAdapter(row_type(bare)).validate_python({"x": value}) == {"x": value}


@pytest.mark.parametrize("kind", ["float", "int"])
@pytest.mark.parametrize("value", [-3.41e38, 3.41e38])
def test_number_beyond_float32_is_refused(contract, kind, value):
    bare = Contract(model_name="m", features=(Feature(name="x", type=kind),), target=contract.target, example={"x": 1})

    with pytest.raises(ValidationError, match=r"or equal to -?34028234663852886"):
        TypeAdapter(row_type(bare)).validate_python({"x": value})


def test_objects_and_names_are_counted_at_any_depth():
    inner = FieldSpec(names={"a": FieldSpec(), "b": FieldSpec()})
    outer = FieldSpec(names={"inner": inner, "c": FieldSpec(), "empty": FieldSpec(names={})})

    assert (outer.count_objects(), outer.count_names()) == (3, 5)
    assert (FieldSpec().count_objects(), FieldSpec().count_names()) == (0, 0)
    assert outer.objects == ("inner", "empty")
