import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.config.params import GateParams
from pipelines.gate.bootstrap import Estimate
from pipelines.gate.decision import Kind, decide, limit_to_pass, rows_to_decide

GATE = GateParams(min_roc_auc=0.5, min_improvement=0.002, max_loss=0.005)


@pytest.mark.parametrize(
    ("lower", "upper", "kind"),
    [
        (0.003, 0.009, Kind.BETTER),
        (0.002, 0.009, Kind.NOT_WORSE),
        (-0.001, 0.004, Kind.NOT_WORSE),
        (-0.004, -0.001, Kind.NOT_WORSE),
        (-0.005, 0.004, Kind.INCONCLUSIVE),
        (-0.009, 0.0, Kind.INCONCLUSIVE),
        (-0.009, 0.02, Kind.INCONCLUSIVE),
        (-0.009, -0.001, Kind.WORSE),
    ],
)
def test_bounds_decide(lower, upper, kind):
    assert decide(lower, upper, GATE) is kind


def test_without_margins_zero_is_neither_better_nor_not_worse():
    gate = GateParams(min_roc_auc=0.5)

    assert decide(0.0, 0.0, gate) is Kind.INCONCLUSIVE
    assert decide(1e-9, 0.1, gate) is Kind.BETTER


def estimated(gain, error=0.002):
    return Estimate(gain=gain, error=error, blocks=10_000, studentised=np.empty(0))


def test_number_of_rows_by_hand():
    """The bound is 1.96 standard errors away: (0.00392 / 0.001) squared is 15.4 times the rows."""
    assert rows_to_decide(estimated(0.003), 0.025, 0.002, rows=1000) == 16_000
    assert rows_to_decide(estimated(-0.001), 0.025, -0.002, rows=1000) == 16_000
    assert rows_to_decide(estimated(0.001), 0.025, 0.002, rows=1000) == 16_000  # to show that it is not enough


def test_no_number_of_rows_decides_at_the_limit_or_where_it_is_decided():
    assert rows_to_decide(estimated(0.002), 0.025, 0.002, rows=1000) is None
    assert rows_to_decide(estimated(-0.003), 0.025, 0.002, rows=1000) is None


def test_newer_data_has_another_limit_only_if_the_policy_says_so():
    newer = GATE.model_copy(update={"replace_when": "better_or_newer"})

    assert limit_to_pass(GATE, newer=True) == limit_to_pass(newer, newer=False) == 0.002
    assert limit_to_pass(newer, newer=True) == -0.005


@given(gain=st.floats(-0.01, 0.01), error=st.floats(0.0001, 0.01))
def test_as_many_rows_as_it_says_would_decide(gain, error):
    found = estimated(gain, error)
    rows = rows_to_decide(found, 0.025, 0.002, rows=1000)

    if rows is not None:
        then = estimated(gain, error * (1000 / rows) ** 0.5)
        assert rows > 1000
        assert then.lower(0.025) >= 0.002 - 1e-12 or then.upper(0.025) <= 0.002 + 1e-12
