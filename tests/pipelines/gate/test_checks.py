import pytest

from pipelines.config.params import GateParams
from pipelines.gate.checks import judge, refuse
from pipelines.gate.decision import Kind
from pipelines.gate.slices import SliceGain
from tests.small_project import binary


@pytest.fixture
def gate():
    return GateParams(min_roc_auc=0.65)


@pytest.fixture
def scores(bundle_metrics):
    return bundle_metrics.test


def test_good_first_model_passes(scores, gate):
    verdict = judge(scores, gate, binary())

    assert verdict.passed
    assert verdict.reasons == []
    assert verdict.kind == "first"
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
    verdict = judge(scores.model_copy(update=change), gate, binary())

    assert not verdict.passed
    assert message in verdict.reasons[0]


def test_base_rate_check_can_be_disabled(scores):
    gate = GateParams(min_roc_auc=0.65, beat_base_rate=False)

    assert judge(scores.model_copy(update={"log_loss": 9.0}), gate, binary()).passed


def test_floors_include_their_value(scores):
    at_the_floor = scores.model_copy(update={"roc_auc": 0.65})
    gate = GateParams(min_roc_auc=0.65)

    assert judge(at_the_floor, gate, binary()).passed
    assert not judge(at_the_floor.model_copy(update={"roc_auc": 0.6499}), gate, binary()).passed


def test_calibration_error_has_a_limit_if_one_is_given(scores):
    poor = scores.model_copy(update={"calibration_error": 0.051})
    gate = GateParams(min_roc_auc=0.65, max_calibration_error=0.05)

    assert judge(poor, GateParams(min_roc_auc=0.65), binary()).passed
    assert judge(scores.model_copy(update={"calibration_error": 0.05}), gate, binary()).passed
    assert judge(poor, gate, binary()).reasons == ["calibration error is 0.0510, must be at most 0.05"]


NEWER = {"replace_when": "better_or_newer", "max_loss": 0.005}


@pytest.mark.parametrize(
    ("kind", "lower", "newer", "params", "passed"),
    [
        (Kind.BETTER, 0.001, False, {}, True),
        (Kind.BETTER, 0.001, True, NEWER, True),
        (Kind.NOT_WORSE, 0.001, False, {"min_improvement": 0.001}, False),
        (Kind.NOT_WORSE, -0.001, True, {}, False),
        (Kind.NOT_WORSE, -0.001, True, {"max_loss": 0.005}, False),
        (Kind.NOT_WORSE, -0.001, False, NEWER, False),
        (Kind.NOT_WORSE, -0.001, True, NEWER, True),
        (Kind.INCONCLUSIVE, -0.005, True, NEWER, False),
        (Kind.WORSE, -0.02, True, NEWER, False),
    ],
)
def test_policy_decides_what_passes(scores, evidence, kind, lower, newer, params, passed):
    found = evidence(kind=kind, lower=lower, newer=newer)

    verdict = judge(scores, GateParams(min_roc_auc=0.5, **params), binary(), champion_version="4", evidence=found)

    assert verdict.passed is passed
    assert verdict.kind == kind.value
    assert verdict.champion_version == "4"


def test_missed_floor_rejects_a_better_model(scores, evidence):
    verdict = judge(
        scores,
        GateParams(min_roc_auc=0.99),
        binary(),
        champion_version="4",
        evidence=evidence(kind=Kind.BETTER, lower=0.001),
    )

    assert not verdict.passed
    assert verdict.kind == "better"


def reason(scores, evidence, **params):
    [only] = judge(
        scores, GateParams(min_roc_auc=0.5, **params), binary(), champion_version="4", evidence=evidence
    ).reasons
    return only


def test_inconclusive_model_is_rejected_with_the_rows_that_would_decide(scores, evidence):
    found = evidence(kind=Kind.INCONCLUSIVE, rows_to_decide=120_000)

    assert reason(scores, found, min_improvement=0.001) == (
        "log loss is 0.4968, must be below 0.4980, the value of the champion (version 4) on the same rows, by more "
        "than 0.001 beyond noise: inconclusive, the gain of 0.0012 may be anything from -0.0021 to 0.0045; at this "
        "gain, about 120,000 rows (120 blocks of 1d) would decide, instead of 90,000"
    )
    assert "at this gain, more rows would not make it pass" in reason(scores, evidence(kind=Kind.INCONCLUSIVE))
    assert "about 120,000 rows would decide" in reason(scores, found.model_copy(update={"block": "row"}))


def test_reasons_tell_the_verdicts_apart(scores, evidence):
    assert "rows, beyond noise: worse beyond noise, the gain" in reason(scores, evidence(kind=Kind.WORSE))
    kept = reason(scores, evidence(kind=Kind.NOT_WORSE), max_loss=0.005)
    assert ": not worse by 0.005, but not better either (replace_when is better); the gain" in kept
    small = reason(scores, evidence(kind=Kind.NOT_WORSE, lower=0.0001), min_improvement=0.002)
    assert ": better beyond noise, but not by 0.002, the gain of" in small
    old = reason(scores, evidence(kind=Kind.NOT_WORSE), **NEWER)
    assert "beyond noise, or not worse by 0.005 and trained on newer data: " in old
    assert "not better either (trained on no newer data)" in old


def test_equal_models_are_said_to_be_equal(scores, evidence):
    found = evidence(kind=Kind.INCONCLUSIVE, gain=0.0, error=0.0, candidate=0.498)

    assert reason(scores, found).endswith("beyond noise: both predict the same for every row")


def test_number_of_newer_rows_is_stated(scores, evidence):
    found = evidence(kind=Kind.WORSE, test_rows=100_000)

    assert "on the same rows (90,000 rows newer than its training rows), beyond noise" in reason(scores, found)


def test_reason_has_enough_decimals(scores, evidence):
    found = evidence(kind=Kind.INCONCLUSIVE, champion=0.361601, candidate=0.361604)

    assert reason(scores, found).startswith("log loss is 0.361604, must be below 0.361601, the value of the champion")


@pytest.mark.parametrize(
    ("metric", "word"), [("roc_auc", "above"), ("pr_auc", "above"), ("log_loss", "below"), ("brier", "below")]
)
def test_direction_of_the_metric_is_stated(scores, evidence, metric, word):
    verdict = judge(
        scores,
        GateParams(min_roc_auc=0.5, compare_by=metric),
        binary(),
        champion_version="4",
        evidence=evidence(kind=Kind.BETTER, metric=metric),
    )

    assert verdict.checks[-1].name == metric.replace("_", " ")
    assert verdict.checks[-1].wanted.startswith(f"{word} 0.4980, the value of the champion")


def slice_gain(value, gain, p):
    return SliceGain(
        column="kind", value=value, rows=800, blocks=30, gain=gain, lower=gain - 0.01, upper=gain + 0.01, p=p
    )


def test_slice_that_is_worse_beyond_noise_rejects(scores, evidence):
    slices = (slice_gain("pear", -0.05, 0.0004), slice_gain("plum", -0.07, 0.3), slice_gain("apple", -0.04, 0.02))
    found = evidence(kind=Kind.BETTER, lower=0.001, slices=slices)
    gate = GateParams(min_roc_auc=0.5, max_slice_loss=0.01)

    verdict = judge(scores, gate, binary(), champion_version="4", evidence=found)

    assert not verdict.passed
    assert verdict.reasons == [
        "gain where kind is pear is -0.0500, must be at least -0.01, within noise: 800 rows, p = 0.0004 after "
        "correction for 3 slices",
        "gain where kind is apple is -0.0400, must be at least -0.01, within noise: 800 rows, p = 0.02 after "
        "correction for 3 slices",
    ]
    assert judge(scores, GateParams(min_roc_auc=0.5), binary(), champion_version="4", evidence=found).passed


def test_harmless_slices_are_one_check(scores, evidence):
    found = evidence(
        kind=Kind.BETTER, lower=0.001, slices=(slice_gain("pear", -0.05, 0.3), slice_gain("plum", 0.07, 1))
    )

    verdict = judge(
        scores, GateParams(min_roc_auc=0.5, max_slice_loss=0.01), binary(), champion_version="4", evidence=found
    )

    assert verdict.passed
    assert verdict.checks[-1].name == "gain in the worst of 2 slices, kind pear,"
    assert verdict.checks[-1].found == -0.05


def test_incomparable_model_is_rejected():
    verdict = refuse("the columns differ", champion_version="4")

    assert not verdict.passed
    assert verdict.kind == "not_compared"
    assert verdict.reasons == ["the columns differ"]
