import pytest

from bundle import Target
from pipelines.targets.of_type import task_of

TARGETS = [
    (Target(name="t", classes=("no", "yes"), threshold=0.5), "binary:logistic"),
    (Target(name="t", type="multiclass", classes=("a", "b", "c")), "multi:softprob"),
    (Target(name="t", type="regression"), "reg:squarederror"),
    (Target(name="t", type="regression", interval=0.9), "reg:quantileerror"),
]


@pytest.mark.parametrize(("target", "objective"), TARGETS)
def test_each_type_has_its_objective_outputs_and_metrics(target, objective):
    task = task_of(target)

    assert task.objective == task.booster_params["objective"] == objective
    assert len(task.output_names) == target.outputs
    assert set(task.explained) <= set(range(target.outputs))


def test_champion_of_another_type_is_not_compared_with():
    for target, _ in TARGETS:
        for other, _ in TARGETS:
            task = task_of(target)
            assert bool(task.not_comparable(other, "mse")) == (target.type != other.type)
