import pytest

from pipelines.config.params import GateParams
from pipelines.gate.checks import judge, refuse


@pytest.fixture
def gate():
    return GateParams(min_roc_auc=0.65)


@pytest.fixture
def scores(bundle_metrics):
    return bundle_metrics.test


def test_good_first_model_passes(scores, gate):
    verdict = judge(scores, None, gate, champion_version=None)

    assert verdict.passed
    assert verdict.reasons == []
    assert len(verdict.checks) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"roc_auc": 0.64}, "ROC AUC is 0.6400, must be at least 0.65"),
        ({"roc_auc": None}, "ROC AUC is 0.0000"),
        ({"log_loss": 0.67}, "log loss is 0.6700, must be below 0.6700"),
    ],
)
def test_missed_floor_is_reported(scores, gate, change, message):
    verdict = judge(scores.model_copy(update=change), None, gate, champion_version=None)

    assert not verdict.passed
    assert message in verdict.reasons[0]


def test_base_rate_check_can_be_disabled(scores):
    gate = GateParams(min_roc_auc=0.65, beat_base_rate=False)

    assert judge(scores.model_copy(update={"log_loss": 9.0}), None, gate, champion_version=None).passed


@pytest.mark.parametrize(
    ("metric", "better", "worse"),
    [("log_loss", 0.49, 0.51), ("brier", 0.19, 0.21), ("roc_auc", 0.81, 0.79), ("pr_auc", 0.71, 0.69)],
)
def test_only_a_better_model_passes(scores, metric, better, worse):
    gate = GateParams(min_roc_auc=0.5, compare_by=metric)

    def verdict(value):
        return judge(scores.model_copy(update={metric: value}), scores, gate, champion_version="4")

    assert verdict(better).passed
    assert verdict(better).champion_version == "4"
    assert not verdict(worse).passed
    assert not verdict(getattr(scores, metric)).passed
    assert "champion (version 4)" in verdict(worse).reasons[0]


def test_minimum_improvement_is_enforced(scores):
    gate = GateParams(min_roc_auc=0.5, compare_by="roc_auc", min_improvement=0.02)

    assert not judge(scores.model_copy(update={"roc_auc": 0.81}), scores, gate, champion_version="4").passed
    assert judge(scores.model_copy(update={"roc_auc": 0.83}), scores, gate, champion_version="4").passed


def test_floors_include_their_value(scores):
    at_the_floor = scores.model_copy(update={"roc_auc": 0.65})
    gate = GateParams(min_roc_auc=0.65)

    assert judge(at_the_floor, None, gate, champion_version=None).passed
    assert not judge(at_the_floor.model_copy(update={"roc_auc": 0.6499}), None, gate, champion_version=None).passed


def test_minimum_improvement_itself_passes(scores):
    gate = GateParams(min_roc_auc=0.5, compare_by="roc_auc", min_improvement=0.25)
    champion = scores.model_copy(update={"roc_auc": 0.5})

    assert judge(scores.model_copy(update={"roc_auc": 0.75}), champion, gate, champion_version="4").passed


def test_reason_has_enough_decimals(scores):
    champion = scores.model_copy(update={"log_loss": 0.361601})
    gate = GateParams(min_roc_auc=0.5)

    [reason] = judge(scores.model_copy(update={"log_loss": 0.361604}), champion, gate, champion_version="4").reasons
    [equal] = judge(champion, champion, gate, champion_version="4").reasons

    assert reason.startswith("log loss is 0.361604, must be below 0.361601, the value of the champion")
    assert equal.endswith("on the same rows; both are equal")


def test_floors_use_all_rows_and_the_comparison_unseen_ones(scores):
    gate = GateParams(min_roc_auc=0.65)
    part = scores.model_copy(update={"rows": 40, "log_loss": 0.45, "roc_auc": 0.6})
    champion = part.model_copy(update={"log_loss": 0.46})

    verdict = judge(scores, champion, gate, champion_version="4", compared=part)
    worse = judge(scores, part.model_copy(update={"log_loss": 0.44}), gate, champion_version="4", compared=part)

    assert verdict.passed
    assert verdict.checks[0].found == 0.8
    assert verdict.checks[2].found == 0.45
    assert "on the same rows (40 rows newer than its training rows)" in worse.reasons[0]


def test_incomparable_model_is_rejected():
    verdict = refuse("the columns differ", champion_version="4")

    assert not verdict.passed
    assert verdict.reasons == ["the columns differ"]


@pytest.mark.parametrize(
    ("metric", "wanted"),
    [
        ("roc_auc", "above 0.8000 by at least 0.02, the value of the champion (version 4) on the same rows"),
        ("log_loss", "below 0.5000 by at least 0.02, the value of the champion (version 4) on the same rows"),
    ],
)
def test_comparison_reports_the_requirement(scores, metric, wanted):
    gate = GateParams(min_roc_auc=0.5, compare_by=metric, min_improvement=0.02)
    other = scores.model_copy(update={metric: getattr(scores, metric) + 0.01})

    check = judge(other, scores, gate, champion_version="4").checks[-1]

    assert check.wanted == wanted
    assert check.digits == 4


def test_comparison_without_a_margin_reports_none(scores):
    better = scores.model_copy(update={"log_loss": 0.4})

    check = judge(better, scores, GateParams(min_roc_auc=0.5), champion_version="4").checks[-1]

    assert check.wanted == "below 0.5000, the value of the champion (version 4) on the same rows"


def test_equal_values_have_four_decimals(scores):
    gate, close = GateParams(min_roc_auc=0.5), scores.model_copy(update={"log_loss": 0.12345678901234561})
    closer = scores.model_copy(update={"log_loss": 0.12345678901234569})

    assert judge(scores, scores, gate, champion_version="4").checks[-1].digits == 4
    assert judge(close, closer, gate, champion_version="4").checks[-1].digits == 4


def test_missing_metric_counts_as_worst(scores):
    gate = GateParams(min_roc_auc=0.5, compare_by="pr_auc")
    unmeasured, poor = scores.model_copy(update={"pr_auc": None}), scores.model_copy(update={"pr_auc": 0.1})

    assert not judge(unmeasured, poor, gate, champion_version="4").passed
    assert judge(poor, unmeasured, gate, champion_version="4").passed
