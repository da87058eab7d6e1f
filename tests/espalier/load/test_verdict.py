import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from espalier.load.verdict import Objectives, judge

OBJECTIVES = Objectives()


def promises(verdict):
    return {promise.name: promise.holds for promise in verdict.objectives}


def test_both_objectives_are_met(sent, plan):
    verdict = judge(sent(), plan, OBJECTIVES)

    assert verdict.verdict == "pass"
    assert (verdict.requests, verdict.predictions, verdict.failed, verdict.refused) == (1000, 1000, 0, 0)
    assert verdict.sent_per_second == verdict.predictions_per_second == pytest.approx(10)
    assert verdict.latency_ms == pytest.approx({"p50": 20, "p90": 20, "p99": 20, "p99.9": 20, "max": 20})
    assert verdict.versions == ["7"]


def test_availability_allows_one_failure_in_a_thousand(sent, plan):
    within = judge(sent(status={3: 503}), plan, OBJECTIVES)
    beyond = judge(sent(status={3: 503, 4: 0}), plan, OBJECTIVES)

    assert (within.verdict, within.failed) == ("pass", 1)
    assert (beyond.verdict, beyond.failed) == ("fail", 2)
    assert promises(beyond) == {"availability": False, "latency": True}


def test_latency_allows_ten_slow_predictions_in_a_thousand(sent, plan):
    within = judge(sent(seconds=dict.fromkeys(range(10), 0.3)), plan, OBJECTIVES)
    beyond = judge(sent(seconds=dict.fromkeys(range(11), 0.3)), plan, OBJECTIVES)

    assert within.verdict == "pass"
    assert beyond.verdict == "fail"
    assert promises(beyond) == {"availability": True, "latency": False}
    assert beyond.latency_ms["p99"] == pytest.approx(300)


def test_failures_are_excluded_from_latency(sent, plan):
    """An error that comes at once has no place among the latencies."""
    load = sent(status=dict.fromkeys(range(500), 503), seconds=dict.fromkeys(range(500, 1000), 0.3))

    verdict = judge(load, plan, OBJECTIVES)

    assert verdict.predictions == 500
    assert verdict.latency_ms["p50"] == pytest.approx(300)


def test_no_predictions_miss_both_objectives(sent, plan):
    verdict = judge(sent(status=dict.fromkeys(range(1000), 0)), plan, OBJECTIVES)

    assert promises(verdict) == {"availability": False, "latency": False}
    assert set(verdict.latency_ms.values()) == {None}
    assert verdict.predictions_per_second == 0


def test_percentile_needs_enough_predictions(sent, plan):
    plan = replace(plan, seconds=99)

    verdict = judge(sent(plan), plan, OBJECTIVES)

    assert verdict.latency_ms["p99.9"] is None
    assert verdict.latency_ms["p99"] is not None


def test_warm_up_is_reported_and_not_judged(sent, plan):
    plan = replace(plan, warm_up_seconds=10)

    verdict = judge(sent(plan, status=dict.fromkeys(range(100), 503)), plan, OBJECTIVES)

    assert (verdict.verdict, verdict.requests, verdict.warm_up_failed) == ("pass", 1000, 100)


SLOW = {"seconds": dict.fromkeys(range(11), 0.3)}


def test_late_generator_voids_a_missed_latency(sent, plan):
    verdict = judge(sent(**SLOW, late_seconds=dict.fromkeys(range(11), 0.25)), plan, OBJECTIVES)

    assert verdict.verdict == "void"
    assert verdict.void_because == ["the generator could not keep up: 1 % of the requests were sent 250 ms late"]


def test_busy_generator_voids_a_missed_latency(sent, plan):
    load = sent(**SLOW)
    load.cpu_share = 0.9

    verdict = judge(load, plan, OBJECTIVES)

    assert verdict.verdict == "void"
    assert "90% of a core" in verdict.void_because[0]


def test_late_generator_does_not_void_a_pass(sent, plan):
    """Its lateness is in the latencies already."""
    load = sent(late_seconds=dict.fromkeys(range(11), 0.05), seconds=dict.fromkeys(range(11), 0.07))
    load.cpu_share = 0.9

    assert judge(load, plan, OBJECTIVES).verdict == "pass"


def test_late_generator_does_not_excuse_api_failures(sent, plan):
    load = sent(**SLOW, status={30: 503, 31: 503}, late_seconds=dict.fromkeys(range(11), 0.25))

    assert judge(load, plan, OBJECTIVES).verdict == "fail"


def test_local_resource_limits_are_not_api_failures(sent, plan):
    verdict = judge(sent(status={3: 0, 4: 0}, own={3: True, 4: True}), plan, OBJECTIVES)

    assert verdict.verdict == "void"
    assert "2 requests could not be sent" in verdict.void_because[0]


def test_rejected_requests_void_the_result(sent, plan):
    verdict = judge(sent(status=dict.fromkeys(range(20), 401)), plan, OBJECTIVES)

    assert (verdict.verdict, verdict.refused, verdict.failed) == ("void", 20, 0)
    assert "rejected 2.0%" in verdict.void_because[0]


def test_missed_rate_voids_the_result(sent, plan):
    verdict = judge(sent(late_seconds={999: 100.1}), plan, OBJECTIVES)

    assert verdict.sent_per_second == pytest.approx(5, rel=1e-3)
    assert verdict.verdict == "void"
    assert "50.0% of the rate" in verdict.void_because[0]


def test_objectives_are_those_of_the_alerts():
    groups = yaml.safe_load((Path(__file__).parents[3] / "alerts/slo.yaml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]

    def budgets(alert):
        expressions = [rule["expr"] for rule in rules if rule.get("alert") == alert]
        return {float(budget) for text in expressions for budget in re.findall(r"> [0-9.]+ \* ([0-9.]+)", text)}

    bounds = {bound for rule in rules for bound in re.findall(r'le="([0-9.]+)"', rule["expr"])}
    assert budgets("ApiErrorBudgetBurn") == {round(1 - OBJECTIVES.available, 9)}
    assert budgets("ApiLatencyBudgetBurn") == {round(1 - OBJECTIVES.fast, 9)}
    assert bounds == {str(OBJECTIVES.limit_seconds)}
