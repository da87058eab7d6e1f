"""The gate measures for itself."""

import json
from pathlib import Path

import pytest

from pipelines.dataset.files import METRICS_JSON, TRAINING_JSON
from pipelines.errors import AlteredData, InvalidData, MissingData
from pipelines.gate.rescore import verify_metrics
from pipelines.stages import register
from pipelines.targets.project import load_project


@pytest.fixture
def verify(candidate):
    candidate()
    return lambda: verify_metrics(load_project())


def change(edit):
    metrics = json.loads(METRICS_JSON.read_text())
    edit(metrics)
    METRICS_JSON.write_text(json.dumps(metrics))


def test_metrics_of_evaluate_are_reproduced(verify):
    assert verify().test.log_loss == pytest.approx(json.loads(METRICS_JSON.read_text())["test"]["log_loss"], abs=1e-9)


def test_better_looking_metrics_are_refused(verify, registry, name):
    change(lambda metrics: metrics["test"].update(log_loss=metrics["test"]["log_loss"] - 1.5e-6))

    with pytest.raises(AlteredData, match=r"metrics\.json has test\.log_loss =") as caught:
        register.main()
    assert caught.value.exit_code == 5
    assert registry.versions(name) == []


def test_other_number_of_rounds_than_was_found_is_noticed(candidate):
    path = Path("pipelines/params.yaml")
    text = path.read_text()
    path.write_text(text.replace("rounds: 15", "rounds: 15, early_stopping: {rounds: 2, validation_share: 0.2}"))
    candidate()
    training = json.loads(TRAINING_JSON.read_text())
    found = training["early_stopping"]["rounds"]
    training["early_stopping"]["rounds"] = found + 1
    TRAINING_JSON.write_text(json.dumps(training))

    with pytest.raises(AlteredData, match=rf"has {found} rounds, but .*training\.json says that {found + 1} were best"):
        verify_metrics(load_project())


def test_falsified_slices_are_rejected(verify):
    change(lambda metrics: metrics["slices"][0]["scores"].update(roc_auc=1.0))

    with pytest.raises(AlteredData, match=r"slices\[0\]\.scores\.roc_auc = 1\.0"):
        verify()


def test_slice_that_is_left_out_is_noticed(verify):
    change(lambda metrics: metrics["slices"].pop())

    with pytest.raises(AlteredData, match=r"has slices\[\d+\]\.\S+ = None, but"):
        verify()


def test_additional_slice_is_rejected(verify):
    change(lambda metrics: metrics["slices"].append(metrics["slices"][0]))

    with pytest.raises(AlteredData, match=r"slices\[\d+\].* gives None"):
        verify()


def test_missing_value_is_rejected(verify):
    change(lambda metrics: metrics["slices"][0]["scores"].update(roc_auc=None))

    with pytest.raises(AlteredData, match=r"has slices\[0\]\.scores\.roc_auc = None"):
        verify()


def test_rounding_differences_are_accepted(verify):
    change(lambda metrics: metrics["test"].update(log_loss=metrics["test"]["log_loss"] + 8e-7))

    assert verify()


def test_malformed_metrics_are_reported(verify):
    METRICS_JSON.write_text("{}")
    with pytest.raises(InvalidData, match=r"metrics\.json: test: Field required"):
        verify()
    METRICS_JSON.unlink()
    with pytest.raises(MissingData, match=r"pipelines\.stages\.evaluate"):
        verify()
