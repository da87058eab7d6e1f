from datetime import timedelta

import pytest

from pipelines.config.params import PrepareParams
from pipelines.errors import InvalidParams
from pipelines.gate.decision import Kind
from pipelines.simulation.retrains import Plan, retrain
from pipelines.simulation.summary import summarise
from pipelines.stages.prepare import split_by_time
from pipelines.stages.validate import check_table
from tests.small_project import project_of


@pytest.fixture
def simulate(make, schema, params):
    """A table of 3,000 rows, of which each model sees a few hundred; the gate's margin as in the documentation."""
    table = make(3000)
    rules = params.validate_.model_copy(update={"max_future": timedelta(days=3650)})
    known = check_table(table[table["bears"].notna()], schema, rules)
    train, test = split_by_time(known, project_of(schema, prepare=PrepareParams(test_share=0.3)))
    gate = params.register_.gate.model_copy(update={"min_improvement": 0.01})
    whole = params.model_copy(update={"register_": params.register_.model_copy(update={"gate": gate})})

    def run(**plan):
        notes = []
        made = Plan(seed=1, **plan)
        found = list(retrain(train, test, project_of(schema, whole), made, lambda note="": notes.append(note)))
        assert len(notes) == made.models
        return found, summarise(found, gate)

    return run


def test_retrains_that_are_alike_are_seldom_better(simulate):
    found, summary = simulate(comparisons=12, rows=800)

    assert len(found) == 12
    assert summary.better_share <= 0.09
    assert abs(summary.mean_gain) < summary.gain_deviation
    assert summary.gain_deviation > 0


def test_retrains_with_more_columns_or_rows_are_better(simulate):
    _, columns = simulate(comparisons=4, rows=800, without=("height", "grafted"))
    _, rows = simulate(comparisons=4, rows=1500, champion_rows=60)

    assert columns.kinds[Kind.BETTER] == rows.kinds[Kind.BETTER] == 4


def test_simulation_is_the_same_with_the_same_seed(simulate):
    assert simulate(comparisons=2, rows=300) == simulate(comparisons=2, rows=300)


def test_each_model_is_compared_with_the_one_before(simulate):
    """And which models there are does not depend on how many follow."""
    found, _ = simulate(comparisons=3)
    shorter, _ = simulate(comparisons=2)

    assert found[:2] == shorter
    assert len({one.gain for one in found}) == 3


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"without": ("width",)}, "width: no such feature"),
        ({"without": ("height", "age", "grafted", "kind", "soil")}, "no feature left"),
        ({"rows": 10_000}, "cannot train on 10,000 different rows"),
        ({"champion_rows": 10_000}, "cannot train on 10,000 different rows"),
    ],
)
def test_plan_that_does_not_fit_is_reported(simulate, plan, message):
    with pytest.raises(InvalidParams, match=message):
        simulate(comparisons=2, **plan)
