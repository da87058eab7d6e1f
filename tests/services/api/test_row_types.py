import pytest
from pydantic import TypeAdapter, ValidationError

from espalier.bundle import Contract, Feature
from services.api.row_types import describe, row_type


def test_limits_are_written_out(contract):
    age = next(feature for feature in contract.features if feature.name == "age")

    assert describe(age.model_copy(update={"maximum": 20261231.0})) == "a whole number from 0 to 20261231 a"


def test_many_categories_are_shortened(contract):
    kinds = next(feature for feature in contract.features if feature.name == "kind")
    many = kinds.model_copy(update={"categories": {f"k{number}": number for number in range(40)}})

    assert describe(many).endswith("k11, … (40 in all, see GET /v1/model)")


@pytest.mark.parametrize("kind", ["float", "int"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_number_that_is_not_finite_is_refused_with_any_parser_in_front(contract, kind, value):
    bare = Contract(model_name="m", features=(Feature(name="x", type=kind),), target=contract.target, example={"x": 1})

    with pytest.raises(ValidationError, match=r"finite|less than|greater than"):
        TypeAdapter(row_type(bare)).validate_python({"x": value})
