import numpy as np
import pytest

from pipelines.config.params import Costs
from pipelines.targets.costs import decision_costs, threshold_of


def test_threshold_follows_from_the_costs():
    assert threshold_of(Costs(false_positive=1, false_negative=4)) == 0.2
    assert threshold_of(Costs(false_positive=3, false_negative=1)) == 0.75
    assert (threshold_of(0.3), threshold_of(None)) == (0.3, 0.5)


def test_costs_are_means_over_the_rows():
    truth, likely = np.array([0, 0, 1, 1, 1], dtype=np.int8), np.array([0.1, 0.6, 0.3, 0.4, 0.9], dtype=np.float32)

    found = decision_costs(truth, likely, 0.25, Costs(false_positive=1, false_negative=3))

    assert found.cost == pytest.approx(1 / 5)  # one false positive
    assert found.cost_at_half == pytest.approx((1 + 3 + 3) / 5)
    assert found.base_cost == pytest.approx(2 / 5)  # always positive
    assert found.figures == {"cost": found.cost, "cost_at_half": found.cost_at_half, "base_cost": found.base_cost}


def test_no_other_threshold_costs_less_where_probabilities_are_right():
    random = np.random.default_rng(1)
    likely = random.beta(1, 3, 400_000).astype(np.float32)
    truth = (random.random(len(likely)) < likely).astype(np.int8)
    costs = Costs(false_positive=1, false_negative=5)
    own = threshold_of(costs)

    cost = decision_costs(truth, likely, own, costs).cost
    others = [decision_costs(truth, likely, other, costs).cost for other in (own / 2, own * 0.8, own * 1.25, own * 2)]

    assert cost < min(others)
