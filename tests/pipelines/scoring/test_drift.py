"""Drift of a batch, against numbers that are computed by hand."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from evaluation.encoding import encode
from pipelines.scoring.drift import ALERT_PSI, NATURAL_FACTOR, BatchCounter, drift_report
from pipelines.scoring.record import create_record
from tests.pipelines.scoring.conftest import orchard_rows

ROOT = Path(__file__).parents[3]


@pytest.fixture
def counter(contract, reference):
    return BatchCounter(contract, reference)


@pytest.fixture
def report(bundle, contract, reference):
    from datetime import UTC, datetime

    run = create_record(bundle, source="lake", keep=None, invalid_rows="fail", began=datetime(2026, 1, 1, tzinfo=UTC))
    return lambda counts: drift_report(run, contract, reference, counts)


def matrix_of(contract, rows, **changes):
    return encode([{**contract.example, **changes}] * rows, contract)


def test_psi_is_that_of_the_alerts(counter, report, contract, reference):
    """All heights are below 5: shares 1, 0, 0, 0 against those of training."""
    counts = counter.count(matrix_of(contract, 1000, height=1), np.full(1000, 0.2, np.float32), {"bare": 1000})

    found = report(counts)

    live, trained = (1, 1e-4, 1e-4, 1e-4), reference.features["height"].shares
    by_hand = sum((a - b) * math.log(a / b) for a, b in zip(live, trained, strict=True))
    height = found["features"]["height"]
    assert height["psi"] == pytest.approx(by_hand)
    assert (height["natural_psi"], height["alert_psi"]) == (0.5, 0.75)
    assert height["above_natural"] and height["above_alert"]
    assert height["bins"][0] == {"bin": "below 5", "share": 1.0, "training_share": 0.25}
    assert (height["missing_share"], height["natural_missing_share"]) == (0.0, 0.25)
    assert found["score"]["bins"][0]["share"] == 1.0
    assert found["labels"]["bare"] == {"share": 1.0, "training_share": 0.6}


def test_unknown_natural_variation_is_not_judged(counter, report, contract):
    found = report(counter.count(matrix_of(contract, 1000), np.full(1000, 0.2, np.float32), {}))

    assert found["features"]["age"]["above_natural"] is None
    assert found["features"]["age"]["above_alert"] is True


def test_too_few_rows_have_no_psi(counter, report, contract):
    found = report(counter.count(matrix_of(contract, 499), np.full(499, 0.2, np.float32), {}))

    assert (found["score"]["psi"], found["features"]["height"]["above_alert"]) == (None, None)


def test_counts_of_partitions_add_up(counter, contract):
    names = [feature.name for feature in contract.features]
    rows = encode(orchard_rows(900).select(names).to_pylist(), contract)
    scores = np.linspace(0, 1, 900, dtype=np.float32)

    whole = counter.count(rows, scores, {"bare": 450, "bearing": 450}, refused=1)
    parts = counter.count_nothing()
    for start in (0, 300, 600):
        labels = {"bare": 150, "bearing": 150}
        parts = parts.plus(counter.count(rows[start : start + 300], scores[start : start + 300], labels))

    assert parts.plus(counter.count_nothing().model_copy(update={"rows": 1, "refused": 1})) == whole


def test_threshold_is_that_of_the_alert():
    rules = (ROOT / "alerts/drift.yaml").read_text()

    found = re.findall(r"clamp_min\(([\d.]+) \* espalier:\w+_natural_psi:max\{[^}]*\}, ([\d.]+)\)", rules)
    assert set(found) == {(str(NATURAL_FACTOR), str(ALERT_PSI))}
