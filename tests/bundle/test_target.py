import pytest
from pydantic import ValidationError

from bundle import Contract, Target


@pytest.mark.parametrize(
    ("values", "outputs"),
    [
        ({"classes": ("no", "yes"), "threshold": 0.5}, 1),
        ({"type": "multiclass", "classes": ("apple", "pear", "plum")}, 3),
        ({"type": "regression", "unit": "g"}, 1),
        ({"type": "regression", "interval": 0.9}, 3),
    ],
)
def test_number_of_outputs_follows_the_type(values, outputs):
    assert Target(name="ripe", **values).outputs == outputs


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"classes": ("no",), "threshold": 0.5}, "of type binary has 2 classes, not 1"),
        ({"classes": ("a", "b", "c"), "threshold": 0.5}, "of type binary has 2 classes, not 3"),
        ({"type": "multiclass", "classes": ("a", "b")}, "of type multiclass has 3 to 100 classes, not 2"),
        ({"type": "regression", "classes": ("a", "b")}, "of type regression has 0 classes, not 2"),
        ({"type": "multiclass", "classes": ("a", "b", "a")}, "same name"),
        ({"classes": ("no", "yes")}, "has a threshold if it is binary, and only then"),
        ({"type": "regression", "threshold": 0.5}, "has a threshold if it is binary, and only then"),
        ({"classes": ("no", "yes"), "threshold": 0.5, "unit": "g"}, "only a target of type regression"),
        ({"type": "multiclass", "classes": ("a", "b", "c"), "interval": 0.9}, "only a target of type regression"),
    ],
)
def test_what_does_not_fit_the_type_is_refused(values, message):
    with pytest.raises(ValidationError, match=message):
        Target(name="ripe", **values)


@pytest.mark.parametrize(("interval", "quantiles"), [(0.9, (0.05, 0.5, 0.95)), (0.5, (0.25, 0.5, 0.75))])
def test_interval_leaves_the_same_share_on_both_sides(interval, quantiles):
    assert Target(type="regression", name="weight", interval=interval).quantiles == quantiles


def test_contract_from_before_there_were_types_is_binary(contract):
    values = contract.model_dump(mode="json")
    del values["target"]["type"], values["target"]["unit"], values["target"]["interval"]

    found = Contract.model_validate(values | {"format": 1})

    assert found.target == contract.target and found.target.type == "binary"
