from services.api.row_types import describe


def test_limits_are_written_out(contract):
    age = next(feature for feature in contract.features if feature.name == "age")

    assert describe(age.model_copy(update={"maximum": 20261231.0})) == "a whole number from 0 to 20261231 a"


def test_many_categories_are_shortened(contract):
    kinds = next(feature for feature in contract.features if feature.name == "kind")
    many = kinds.model_copy(update={"categories": {f"k{number}": number for number in range(40)}})

    assert describe(many).endswith("k11, … (40 in all, see GET /v1/model)")
