import pytest
from pydantic import ValidationError

from bundle import Contract, Feature, IgnoredColumn


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


def test_optional_and_ignored_columns_are_in_the_file_only_if_there_are_any(contract):
    """So contracts without them are the same bytes as before, which earlier releases read."""
    text = contract.model_dump_json()
    optional = contract.features[0].model_copy(update={"optional": True})
    evolved = contract.model_copy(
        update={"features": (optional, *contract.features[1:]), "ignored": (IgnoredColumn(name="weight"),)}
    )

    assert "optional" not in text and "ignored" not in text and contract.has_fixed_names
    assert Contract.model_validate_json(evolved.model_dump_json()) == evolved
    assert not evolved.has_fixed_names


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": [{"name": "a", "type": "int", "optional": True}]}, "only a nullable feature can be optional"),
        (
            {"features": [{"name": "a", "type": "int", "nullable": True, "optional": True}], "example": {"a": 1}},
            "every feature is optional",
        ),
        ({"ignored": [{"name": "age"}]}, "an ignored column has the name of a feature"),
        ({"ignored": [{"name": "weight"}, {"name": "weight"}]}, "or of another one"),
    ],
)
def test_impossible_optional_or_ignored_columns_are_refused(contract, changes, message):
    with pytest.raises(ValidationError, match=message):
        Contract.model_validate(contract.model_dump() | changes)
