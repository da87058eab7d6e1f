import pytest

from pipelines.config.params import GateParams
from pipelines.simulation.summary import Comparison, summarise

GATE = GateParams(min_roc_auc=0.5, min_improvement=0.002)


def comparison(gain, kind="inconclusive"):
    return Comparison(gain=gain, error=0.001, lower=gain - 0.002, upper=gain + 0.002, kind=kind)


def test_rates_and_noise():
    found = summarise([comparison(0.005, "better"), comparison(0.001), comparison(-0.003), comparison(0.001)], GATE)

    assert found.comparisons == 4
    assert found.kinds == {"better": 1, "not_worse": 0, "worse": 0, "inconclusive": 3}
    assert found.better_share == 0.25
    assert found.mean_gain == pytest.approx(0.001)
    assert found.gain_deviation == pytest.approx(0.00326599, rel=1e-5)
    assert found.mean_error == 0.001


@pytest.mark.parametrize(("number", "allowed"), [(20, 1), (39, 1), (40, 2), (200, 10)])
def test_needed_improvement_lets_the_allowed_share_pass(number, allowed):
    comparisons = [comparison(0.01 * place) for place in range(number)]

    needed = summarise(comparisons, GATE).needed_improvement

    assert sum(one.lower > needed for one in comparisons) == allowed
    assert allowed / number <= 0.05


def test_nothing_is_needed_if_nobody_passes():
    assert summarise([comparison(-0.5), comparison(-0.4)], GATE).needed_improvement == 0


def test_detected_gain_adds_margin_noise_and_luck():
    """0.002 of margin, 0.002 to the lower bound, 1.2816 standard deviations of the bounds."""
    found = summarise([comparison(0.001), comparison(0.003)], GATE)

    assert found.detected_gain == pytest.approx(0.004 + 1.2815516 * 0.00141421, rel=1e-4)
