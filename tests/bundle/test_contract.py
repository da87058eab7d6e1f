import pytest
from pydantic import ValidationError

from bundle import Contract, Feature


def test_feature_types_are_in_the_order_of_the_model(contract):
    assert contract.feature_types == ["q", "int", "i", "c", "c"]


@pytest.mark.parametrize("codes", [None, {}, {"a": 1}, {"a": 0, "b": 2}, {"a": 0, "b": 0}])
def test_categories_have_codes_from_zero_without_gaps(codes):
    with pytest.raises(ValidationError, match="codes 0"):
        Feature(name="kind", type="category", categories=codes)


def test_number_cannot_have_categories():
    with pytest.raises(ValidationError, match="only type category"):
        Feature(name="height", type="float", categories={"a": 0})


def test_duplicate_feature_names_are_refused(contract):
    values = contract.model_dump()
    values["features"] = [values["features"][0]] * 2

    with pytest.raises(ValidationError, match="same name"):
        Contract.model_validate(values)


def test_example_must_have_exactly_the_features(contract):
    values = contract.model_dump() | {"example": {"height": 1.0}}

    with pytest.raises(ValidationError, match="exactly the features"):
        Contract.model_validate(values)


def test_unknown_key_is_refused(contract):
    with pytest.raises(ValidationError, match="extra"):
        Contract.model_validate(contract.model_dump() | {"surprise": 1})
