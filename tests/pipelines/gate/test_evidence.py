from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from pipelines.config.params import GateParams
from pipelines.gate.blocks import blocks_of
from pipelines.gate.evidence import Evidence, Predictions, collect
from tests.small_project import binary

DAYS, ROWS = 60, 20
TIMES = pd.Series(pd.date_range("2025-01-01", periods=DAYS * 24, freq="h"))
TIMES = TIMES[TIMES.dt.hour < ROWS].reset_index(drop=True)


@pytest.fixture
def compare():
    """Sixty days of twenty rows; ``by_day`` (60,) is how much better the candidate is on each day."""
    random = np.random.default_rng(1)
    truth = random.integers(0, 2, DAYS * ROWS).astype(np.int8)
    sign = 2 * truth - 1
    theirs = np.clip(0.5 + 0.1 * sign + random.normal(0, 0.1, len(truth)), 0.05, 0.95).astype(np.float32)

    def run(by_day, newer=False, **params):
        ours = np.clip(theirs + sign * np.repeat(by_day, ROWS), 0.01, 0.99).astype(np.float32)
        gate = GateParams(min_roc_auc=0.5, **{"block": "1d", **params})
        scores = [binary(0.5).score(truth, likely) for likely in (theirs, ours)]
        made = Predictions(binary(), truth, theirs, ours, *scores, blocks=blocks_of(TIMES, gate.block))
        return collect(made, gate, champion_version="4", comparison=1, newer=newer, test_rows=len(truth))

    return run


def test_gain_is_the_difference_of_the_scores(compare):
    found = compare(np.full(DAYS, 0.02), compare_by="brier")

    assert found.gain == pytest.approx(found.champion - found.candidate)
    assert (found.metric, found.kind, found.rows, found.blocks) == ("brier", "better", 1200, 60)
    assert found.periods[1].start == "2025-01-02T00:00"
    assert {period.rows for period in found.periods} == {20}


@pytest.mark.parametrize(
    ("block", "shown", "blocks"), [("1d", "1d", 60), ("12h", "12h", 120), ("36h", "36h", 41), ("2d", "2d", 31)]
)
def test_length_of_a_block_is_shown_as_it_is_written(compare, block, shown, blocks):
    found = compare(np.full(DAYS, 0.02), block=block)

    assert (found.block, found.blocks) == (shown, blocks)


def test_neighbouring_days_that_are_alike_are_noticed(compare):
    """Weather of a week: five days good, five days bad. Then good and bad days in turn."""
    slow = compare(np.tile(np.repeat([0.04, -0.04], 5), 6))
    fast = compare(np.tile([0.04, -0.04], 30))

    assert slow.neighbours > 0.3 and slow.neighbours_are_alike
    assert fast.neighbours < 0 and not fast.neighbours_are_alike


def test_neighbours_of_independent_rows_or_equal_models_are_unknown(compare):
    assert compare(np.full(DAYS, 0.02), block="row").neighbours is None
    equal = compare(np.zeros(DAYS))
    assert equal.neighbours is None and not equal.neighbours_are_alike
    assert equal.are_equal


def test_rows_to_decide_are_of_the_limit_that_holds_for_newer_data(compare):
    noisy = np.random.default_rng(2).normal(-0.002, 0.15, DAYS)
    policy = {"replace_when": "better_or_newer", "max_loss": 0.02}

    older, newer = compare(noisy, False, **policy), compare(noisy, True, **policy)

    assert older.kind == newer.kind == "inconclusive"
    assert older.rows_to_decide != newer.rows_to_decide
    assert newer.rows_to_decide > newer.rows


def test_decided_comparisons_need_no_more_rows(compare):
    assert compare(np.full(DAYS, 0.02)).rows_to_decide is None


def test_evidence_survives_json(compare):
    found = compare(np.random.default_rng(3).normal(0, 0.05, DAYS))

    assert Evidence.model_validate_json(found.model_dump_json()) == found


def test_hours_and_days_of_the_same_length_are_the_same_blocks(compare):
    day = np.random.default_rng(4).normal(0, 0.05, DAYS)

    assert compare(day, block="1d") == compare(day, block="24h")
    assert GateParams(min_roc_auc=0.5, block="24h").block == timedelta(days=1)
