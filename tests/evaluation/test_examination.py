"""Who may evaluate a model, and which models are refused; that lignum equals XGBoost: test_evaluator.py."""

import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version

import lignum
import numpy as np
import pytest
import xgboost as xgb

from bundle import InvalidModel
from evaluation.evaluator import (
    DIFFERENT,
    FAILED,
    NO_GOLDEN_ROWS,
    UNSUPPORTED,
    VERIFIED,
    XGBOOST_DIFFERENT,
)
from evaluation.examination import examine, examine_xgboost
from pipelines.model.golden_rows import record_golden_rows


def with_model(bundle, other):
    return replace(bundle, model=bytes(other.save_raw("ubj")))


def with_other_bit(bundle, name):
    array = getattr(bundle.golden_rows, name).copy()
    array[-1] = np.nextafter(array[-1], np.float32(0))
    return replace(bundle, golden_rows=replace(bundle.golden_rows, **{name: array}))


def with_xgboost(bundle, release):
    lineage = bundle.manifest.lineage.model_copy(update={"libraries": {"xgboost-cpu": release}})
    return replace(bundle, manifest=bundle.manifest.model_copy(update={"lineage": lineage}))


@pytest.fixture
def no_lignum(monkeypatch):
    monkeypatch.setattr(lignum, "load", lambda *_args, **_options: 1 / 0)


@pytest.fixture
def wrong_lignum(monkeypatch):
    class Zero:
        def predict(self, rows, **_options):
            return np.zeros(len(rows))

    monkeypatch.setattr(lignum, "load", lambda *_args, **_options: Zero())


@pytest.fixture
def dart(bundle, contract, matrix):
    rows = xgb.DMatrix(matrix, np.arange(300) % 2, feature_types=contract.feature_types, enable_categorical=True)
    booster = xgb.train({"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.5}, rows, 5)
    other = with_model(bundle, booster)
    return replace(other, golden_rows=record_golden_rows(other.model, contract))


def test_lignum_that_gives_the_recorded_numbers_evaluates(bundle):
    assert examine(bundle) == VERIFIED


def test_verified_model_needs_no_xgboost(bundle_folder, keys):
    script = """
import sys
from pathlib import Path
from bundle import Identity, load_public_keys, read_bundle
from evaluation.examination import examine

keys = load_public_keys([Path(sys.argv[2])])
bundle = read_bundle(Path(sys.argv[1]), expected=Identity(name="orchard", version="7"), trusted_keys=keys)
print(examine(bundle), sorted({"xgboost", "scipy", "pandas"} & set(sys.modules)))
"""
    command = [sys.executable, "-c", script, str(bundle_folder), str(keys.public)]

    printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout

    assert printed == "verified []\n"


def test_lignum_with_other_numbers_is_not_used(bundle, wrong_lignum):
    assert examine(bundle) == DIFFERENT


def test_lignum_that_fails_is_not_used(bundle, no_lignum):
    assert examine(bundle) == FAILED


def test_dart_is_checked_with_xgboost(dart):
    assert examine(dart) == UNSUPPORTED
    assert examine(with_other_bit(dart, "margins")) == XGBOOST_DIFFERENT


def test_bundle_without_golden_rows_is_evaluated_by_xgboost(bundle):
    assert examine(replace(bundle, golden_rows=None)) == NO_GOLDEN_ROWS


@pytest.mark.parametrize("name", ["margins", "predictions"])
def test_xgboost_that_differs_from_the_gates_is_reported(bundle, name, caplog):
    assert examine(with_other_bit(bundle, name)) == XGBOOST_DIFFERENT

    assert "lignum differs from what the gate recorded" in caplog.text
    assert "XGBoost differs from what the gate recorded" in caplog.text
    told, installed = caplog.records[-1], version("xgboost-cpu")
    assert told.margin_difference == pytest.approx(0, abs=1e-5)
    assert (told.gate, told.installed) == (installed, installed)


def test_xgboost_that_differs_is_reported_where_lignum_fails(bundle, no_lignum):
    assert examine(with_other_bit(bundle, "margins")) == XGBOOST_DIFFERENT


def test_reason_is_kept_where_xgboost_gives_the_recorded_numbers(bundle):
    assert examine_xgboost(bundle, FAILED) == FAILED


@pytest.fixture
def unreadable(monkeypatch):
    """XGBoost of another release cannot read the file."""

    def refuse(_content):
        raise InvalidModel("the bundle's model is refused: unknown version")

    monkeypatch.setattr("evaluation.booster.load_booster", refuse)


def test_file_of_another_xgboost_must_be_readable(bundle, unreadable):
    """XGBoost explains predictions, so a file that only lignum can read is refused."""
    assert examine(bundle) == VERIFIED, "the gate has loaded it with the same release"
    for release in ("0.1", "unknown"):
        with pytest.raises(InvalidModel, match="unknown version"):
            examine(with_xgboost(bundle, release))


def test_lignum_evaluates_also_the_model_of_another_xgboost(bundle):
    assert examine(with_xgboost(bundle, "0.1")) == VERIFIED


def test_other_features_than_in_the_contract(bundle):
    other = with_model(bundle, xgb.train({"objective": "binary:logistic"}, xgb.DMatrix(np.eye(4), [0, 1, 0, 1]), 2))

    for examined in (other, replace(other, golden_rows=None)):
        with pytest.raises(InvalidModel, match="has 4 features, but its contract has 5"):
            examine(examined)


def test_no_probability(bundle):
    matrix = xgb.DMatrix(np.eye(5), np.full(5, 9.0))
    other = with_model(bundle, xgb.train({"objective": "reg:squarederror", "base_score": 9.0}, matrix, 1))

    for examined in (other, replace(other, golden_rows=None)):
        with pytest.raises(InvalidModel, match="not a probability"):
            examine(examined)


def test_no_probability_of_lignum(bundle, monkeypatch):
    """The example is not among the golden rows, so it is predicted by who evaluates the model."""
    load = lignum.load

    class Wrong:
        def __init__(self, model):
            self._model = model

        def predict(self, rows, raw_score=False, n_jobs=1):
            found = self._model.predict(rows, raw_score=raw_score, n_jobs=n_jobs)
            return np.full(len(rows), np.nan) if rows[0, 0] == np.float32(3.5) else found

    monkeypatch.setattr(lignum, "load", lambda *args, **options: Wrong(load(*args, **options)))

    with pytest.raises(InvalidModel, match="predicts nan for its own example"):
        examine(bundle)


@pytest.mark.parametrize("target_type", ["multiclass", "regression", "interval"])
def test_other_targets_are_compared_bit_for_bit(bundle, target_type):
    expected = UNSUPPORTED if target_type == "interval" else VERIFIED

    assert examine(bundle) == expected
    assert examine(with_other_bit(bundle, "margins")) == XGBOOST_DIFFERENT
    assert examine(with_other_bit(bundle, "predictions")) == XGBOOST_DIFFERENT
