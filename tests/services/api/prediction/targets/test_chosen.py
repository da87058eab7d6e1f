import pytest

from services.api.prediction.targets.binary import BinaryTarget
from services.api.prediction.targets.chosen import choose_target
from services.api.prediction.targets.multiclass import MulticlassTarget
from services.api.prediction.targets.regression import IntervalTarget, RegressionTarget


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("binary", BinaryTarget),
        ("multiclass", MulticlassTarget),
        ("regression", RegressionTarget),
        ("interval", IntervalTarget),
    ],
)
def test_target_is_chosen_by_the_contract(small_model, kind, expected):
    small = small_model(kind)

    assert type(choose_target(small.contract, small.reference.score)) is expected
