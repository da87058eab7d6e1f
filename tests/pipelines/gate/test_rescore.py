"""The gate measures for itself."""

import json

import pytest

from pipelines.config.params import load_params
from pipelines.config.schema import load_schema
from pipelines.dataset.files import METRICS_JSON
from pipelines.errors import AlteredData, InvalidData, MissingData
from pipelines.gate.rescore import verify_metrics
from pipelines.stages import register


@pytest.fixture
def verify(candidate):
    candidate()
    return lambda: verify_metrics(load_schema(), load_params().evaluate)


def change(edit):
    metrics = json.loads(METRICS_JSON.read_text())
    edit(metrics)
    METRICS_JSON.write_text(json.dumps(metrics))


def test_metrics_of_evaluate_are_measured_again_the_same(verify):
    assert verify().test.log_loss == pytest.approx(json.loads(METRICS_JSON.read_text())["test"]["log_loss"], abs=1e-9)


def test_better_looking_metrics_are_refused(verify, registry, name):
    change(lambda metrics: metrics["test"].update(log_loss=metrics["test"]["log_loss"] - 1.5e-6))

    with pytest.raises(AlteredData, match=r"metrics\.json says that test\.log_loss is"):
        register.main()
    assert registry.versions(name) == []


def test_slices_are_held_against_the_model_too(verify):
    change(lambda metrics: metrics["slices"][0]["scores"].update(roc_auc=1.0))

    with pytest.raises(AlteredData, match=r"slices\[0\]\.scores\.roc_auc is 1\.0"):
        verify()


def test_slice_that_is_left_out_is_noticed(verify):
    change(lambda metrics: metrics["slices"].pop())

    with pytest.raises(AlteredData, match=r"says that slices\[\d+\]\.\S+ is None, but"):
        verify()


def test_slice_that_is_put_in_is_noticed(verify):
    change(lambda metrics: metrics["slices"].append(metrics["slices"][0]))

    with pytest.raises(AlteredData, match=r"slices\[\d+\].* gives None"):
        verify()


def test_figure_that_is_blanked_is_noticed(verify):
    change(lambda metrics: metrics["slices"][0]["scores"].update(roc_auc=None))

    with pytest.raises(AlteredData, match=r"says that slices\[0\]\.scores\.roc_auc is None"):
        verify()


def test_rounding_is_no_difference(verify):
    change(lambda metrics: metrics["test"].update(log_loss=metrics["test"]["log_loss"] + 8e-7))

    assert verify()


def test_metrics_that_are_none_are_said(verify):
    METRICS_JSON.write_text("{}")
    with pytest.raises(InvalidData, match=r"metrics\.json: test: Field required"):
        verify()
    METRICS_JSON.unlink()
    with pytest.raises(MissingData, match=r"pipelines\.stages\.evaluate"):
        verify()
