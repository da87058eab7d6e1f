import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, mean_squared_error, r2_score

from bundle import Target
from pipelines.config.params import GateParams
from pipelines.targets.regression import Regression

VALUE = Regression(Target(name="yield", type="regression", unit="kg"))
INTERVAL = Regression(Target(name="yield", type="regression", unit="kg", interval=0.8))


@pytest.fixture
def rows():
    """True values of 500 rows, and predictions: values, and quantiles."""
    random = np.random.default_rng(1)
    mean = random.normal(50, 20, 500)
    truth = (mean + random.normal(0, 5, 500)).astype(np.float32)
    quantiles = np.column_stack([mean - 6.4, mean, mean + 6.4]).astype(np.float32)
    return truth, mean.astype(np.float32), quantiles


def test_scores_are_those_of_scikit_learn(rows):
    truth, values, quantiles = rows
    for scores in (VALUE.score(truth, values), INTERVAL.score(truth, quantiles)):
        assert scores.mse == pytest.approx(mean_squared_error(truth, values), rel=1e-5)
        assert scores.mae == pytest.approx(mean_absolute_error(truth, values), rel=1e-5)
        assert scores.rmse == pytest.approx(scores.mse**0.5)
        assert scores.r2 == pytest.approx(r2_score(truth, values), rel=1e-5)
    assert VALUE.score(truth, values).coverage is VALUE.score(truth, values).pinball_loss is None


def test_interval_is_scored(rows):
    truth, _, quantiles = rows

    scores = INTERVAL.score(truth, quantiles)

    each = [mean_pinball_loss(truth, quantiles[:, k], alpha=alpha) for k, alpha in enumerate((0.1, 0.5, 0.9))]
    assert scores.pinball_loss == pytest.approx(np.mean(each), rel=1e-5)
    assert scores.coverage == np.mean(np.abs(truth - quantiles[:, 1]) <= 6.4)
    assert 0.7 < scores.coverage < 0.9
    assert scores.interval_width == pytest.approx(12.8, rel=1e-5)


def test_base_is_the_best_constant(rows):
    truth, _, quantiles = rows
    scores = INTERVAL.score(truth, quantiles)

    def mean_squared(constant):
        return VALUE.score(truth, np.full(len(truth), constant, np.float32)).mse

    assert scores.base_mse == pytest.approx(mean_squared(truth.mean()), rel=1e-5)
    assert scores.base_mse < min(mean_squared(truth.mean() - 1), mean_squared(truth.mean() + 1))
    best = np.tile(np.quantile(truth, (0.1, 0.5, 0.9)).astype(np.float32), (len(truth), 1))
    assert scores.base_pinball_loss == pytest.approx(INTERVAL.score(truth, best).pinball_loss, rel=1e-5)
    assert scores.base_mae == pytest.approx(INTERVAL.score(truth, best).mae, rel=1e-5)


def test_quantiles_that_cross_are_sorted(rows):
    truth, _, quantiles = rows
    crossed = quantiles[:, [2, 0, 1]]

    assert INTERVAL.score(truth, crossed) == INTERVAL.score(truth, quantiles)
    assert (INTERVAL.counted(crossed) == quantiles[:, 1]).all()
    for metric in INTERVAL.metrics:
        losses = INTERVAL.row_losses(metric, truth, crossed)
        assert (losses == INTERVAL.row_losses(metric, truth, quantiles)).all()


@pytest.mark.parametrize(("task", "place"), [(VALUE, 1), (INTERVAL, 2)])
def test_mean_of_the_row_losses_is_the_score(rows, task, place):
    truth, outputs = rows[0], rows[place]
    for metric in task.metrics:
        losses = task.row_losses(metric, truth, outputs.astype(np.float64))

        assert losses.shape == truth.shape
        assert losses.mean() == pytest.approx(getattr(task.score(truth, outputs), metric))


def test_pinball_loss_needs_an_interval():
    assert VALUE.metrics == ("mse", "mae")
    assert INTERVAL.metrics[0] == "pinball_loss"


def test_floors(rows):
    truth, _, quantiles = rows
    scores = INTERVAL.score(truth, quantiles)

    passed = INTERVAL.floors(scores, GateParams(min_r2=0.5, max_coverage_error=0.1))
    missed = INTERVAL.floors(
        scores.model_copy(update={"r2": 0.4, "pinball_loss": 99.0, "coverage": 0.95}),
        GateParams(min_r2=0.5, max_coverage_error=0.1),
    )

    assert [check.name for check in passed] == ["R²", "pinball loss", "coverage error of the interval"]
    assert all(check.passed for check in passed)
    assert not any(check.passed for check in missed)
    assert missed[2].found == pytest.approx(0.15)
    too_low = scores.model_copy(update={"coverage": 0.65})
    assert not INTERVAL.floors(too_low, GateParams(max_coverage_error=0.1))[-1].passed


def test_without_an_interval_squared_error_must_beat_the_mean(rows):
    truth, values, _ = rows

    [good] = VALUE.floors(VALUE.score(truth, values), GateParams())
    [poor] = VALUE.floors(VALUE.score(truth, np.full(len(truth), truth.mean() + 1, np.float32)), GateParams())

    assert (good.name, good.passed, poor.passed) == ("mean squared error", True, False)


def test_equal_values_have_no_r2_and_cannot_be_learned():
    truth = np.full(5, 2.0, dtype=np.float32)

    assert VALUE.score(truth, truth).r2 is None
    assert VALUE.unlearnable(truth, train=True) == "every row has yield = 2"


def test_score_bins_are_quantiles_of_the_median(rows):
    _, values, quantiles = rows

    bins = INTERVAL.score_bins(quantiles, 5)

    assert bins == VALUE.score_bins(values, 5)
    assert len(bins.labels) == len(bins.edges) + 1
    assert sum(bins.shares) == pytest.approx(1)
    assert max(bins.shares) == pytest.approx(0.2, abs=0.01)


def test_another_unit_or_interval_is_not_compared_with():
    def told(metric="mse", **changes):
        return INTERVAL.not_comparable(INTERVAL.target.model_copy(update=changes), metric)

    assert told(unit="t") == "the unit t; schema.yaml now has kg"
    assert told(interval=0.9) == ""
    assert told("pinball_loss", interval=0.9).startswith("an interval of 0.9, but register.gate.compare_by is pinball")
    assert told("pinball_loss", interval=None).startswith("no interval")
    assert told("pinball_loss") == ""
