import numpy as np
import pandas as pd
import pytest

from bundle import Target
from pipelines.config.params import EvaluateParams
from pipelines.dataset.rows import FrameRows, JoinedRows
from pipelines.model.drift_reference import build_reference
from pipelines.model.expected_drift import (
    WINDOW_HOURS,
    add_natural_variation,
    hours_of,
    stability_index,
    window_shares,
)
from pipelines.model.matrix import build_contract, example_row
from pipelines.targets.of_type import task_of
from tests.small_project import project_of

ROWS_A_DAY = 100


@pytest.fixture
def season(table):
    """Twelve weeks of a hundred rows a day, of which the sixth week is as no other."""

    def make(column, odd):
        many = pd.concat([table.drop(columns="seen")] * 60, ignore_index=True).iloc[: 84 * ROWS_A_DAY]
        day = np.arange(len(many)) // ROWS_A_DAY
        times = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(day, unit="D")
        many = many.assign(seen=times)
        many.loc[(day >= 35) & (day < 42), column] = odd
        return many

    return make


@pytest.fixture
def referred(schema):
    def make(train, test, scores):
        train, test = FrameRows(train), FrameRows(test)
        contract = build_contract(train, project_of(schema), example=example_row(train, schema))
        reference = build_reference(train, contract, scores[len(train) :], params=EvaluateParams(bins=4))
        return add_natural_variation(reference, contract, train, JoinedRows(train, test), time="seen", scores=scores)

    return make


def uniform(number):
    return np.linspace(0, 1, number, dtype=np.float32)


def psi(live, reference):
    """As the rules write it, bin by bin."""
    pairs = [(max(one, 1e-4), max(other, 1e-4)) for one, other in zip(live, reference, strict=True)]
    return sum((one - other) * np.log(one / other) for one, other in pairs)


def test_natural_psi_is_that_of_the_most_unusual_week(season, referred):
    train = season("height", 1000.0)
    reference = referred(train, train.iloc[:600], uniform(len(train) + 600))

    height = reference.features["height"]
    week = [0.0] * len(height.labels)
    week[height.labels.index("above 1000") - 1] = 1.0
    assert height.natural_psi == pytest.approx(psi(week, height.shares))
    assert reference.features["kind"].natural_psi < 0.05


def test_category_that_dominates_a_week_raises_natural_psi(season, referred):
    train = season("kind", "plum")
    kind = referred(train, train.iloc[:600], uniform(len(train) + 600)).features["kind"]

    week = [float(label == "plum") for label in kind.labels]
    assert kind.natural_psi == pytest.approx(psi(week, kind.shares))


def test_week_of_missing_values_raises_the_natural_share(season, referred):
    train = season("height", np.nan)
    features = referred(train, train.iloc[:600], uniform(len(train) + 600)).features

    assert features["height"].natural_missing_share == 1
    assert features["kind"].natural_missing_share == pytest.approx(train["kind"].isna().mean(), abs=0.02)


def test_natural_psi_uses_scores_of_training_and_test_rows(season, referred):
    train = season("height", 3.0)
    test = train.assign(seen=train["seen"] + pd.Timedelta(days=84))
    scores = uniform(2 * len(train))
    scores[: len(train)] = np.tile(uniform(ROWS_A_DAY), 84)
    scores[len(train) :] = np.tile(uniform(ROWS_A_DAY), 84)
    usual = referred(train, test, scores).score.natural_psi
    scores[700:1400] = 0.99

    assert usual == pytest.approx(0, abs=1e-3)
    assert referred(train, test, scores).score.natural_psi > 3


@pytest.mark.parametrize("days", [2, 6])
def test_short_table_has_no_natural_variation(season, referred, days):
    short = season("height", 3.0).iloc[: days * ROWS_A_DAY]

    reference = referred(short, short.iloc[:50], uniform(len(short) + 50))

    assert reference.features["height"].natural_psi is None
    assert reference.features["height"].natural_missing_share is None
    assert reference.score.natural_psi is None


def test_windows_with_few_rows_are_skipped():
    assert len(window_shares(np.arange(499), np.zeros(499, dtype=np.intp), 2)) == 0


def test_windows_start_every_hour_and_span_a_week():
    hours = np.repeat(np.arange(2 * WINDOW_HOURS), 4)
    times = pd.Timestamp("2025-01-01T00:30") + pd.to_timedelta(hours, unit="h")
    found = hours_of(FrameRows(pd.DataFrame({"seen": times})), "seen")
    shares = window_shares(found, (hours >= WINDOW_HOURS).astype(np.intp), 2)

    assert len(shares) == WINDOW_HOURS + 1
    np.testing.assert_allclose(shares[:, 1], np.arange(WINDOW_HOURS + 1) / WINDOW_HOURS)


def test_stability_index_of_an_empty_bin_is_finite():
    assert stability_index(np.asarray([[1.0, 0.0]]), np.asarray([0.5, 0.5]))[0] == pytest.approx(
        psi([1, 0], [0.5, 0.5])
    )


def test_predicted_classes_vary_by_their_codes(season, schema):
    """In one of twelve weeks only the third class is predicted."""
    train = season("height", 1.0)
    task = task_of(Target(name="bears", type="multiclass", classes=("a", "b", "c")))
    codes = np.arange(len(train)) % 3
    codes[35 * ROWS_A_DAY : 42 * ROWS_A_DAY] = 2
    outputs = np.eye(3, dtype=np.float32)[codes]
    rows = FrameRows(train)
    contract = build_contract(rows, project_of(schema), example=example_row(rows, schema))
    contract = contract.model_copy(update={"target": task.target})
    reference = build_reference(rows, contract, outputs, params=EvaluateParams())

    score = add_natural_variation(reference, contract, rows, rows, time="seen", scores=task.counted(outputs)).score

    assert score.natural_psi == pytest.approx(psi([0, 0, 1], score.shares))
