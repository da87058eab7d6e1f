import numpy as np
import pandas as pd
import pytest

from pipelines.new_project.leaks import COPY, SUSPICIOUS, Alone
from pipelines.new_project.values import look_at

ROWS = 900


@pytest.fixture
def random():
    return np.random.default_rng(1)


def score(truth, cells, *, is_number=False):
    return Alone(np.asarray(truth, dtype=float), is_number=is_number).score(look_at(pd.Series(cells, name="x")))


def test_noise_predicts_nothing(random):
    truth = random.integers(0, 2, ROWS)

    assert score(truth, random.normal(size=ROWS)) == pytest.approx(0.5, abs=0.06)
    assert score(random.normal(size=ROWS), random.normal(size=ROWS), is_number=True) < 0.05
    # Cross-fitted: as many texts as half of the rows would be learned by heart.
    assert score(truth, random.integers(0, ROWS // 2, ROWS).astype(str)) < 0.65


@pytest.mark.parametrize("kind", ["number", "text", "missing"])
def test_a_copy_of_the_classes_is_found(random, kind):
    truth = random.integers(0, 2, ROWS)
    copies = {"number": truth * 5.0, "text": np.where(truth, "in", "out"), "missing": np.where(truth, np.nan, 1.5)}

    assert score(truth, copies[kind]) >= (COPY if kind != "missing" else SUSPICIOUS)


def test_a_copy_of_a_number_is_found(random):
    truth = random.normal(size=ROWS)

    assert score(truth, 3 - 1.2 * truth, is_number=True) >= COPY
    assert SUSPICIOUS <= score(truth, truth + 0.1 * random.normal(size=ROWS), is_number=True) < COPY


def test_unknown_targets_and_rare_classes_do_not_count(random):
    truth = random.integers(0, 2, ROWS).astype(float)
    copy = truth.copy()
    truth[:100], truth[200] = np.nan, 7

    assert score(truth, copy) >= COPY


def test_too_few_rows_give_no_score():
    assert score([0, 1, 0, 1], [1, 2, 3, 4]) is None
