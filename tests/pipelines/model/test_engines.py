"""``train.engine: dask`` in the whole stage, on a real cluster: everything after the training is as with local."""

from pathlib import Path

import pytest

from pipelines.config.settings import Settings
from pipelines.dataset.files import METRICS_JSON, read_json
from pipelines.errors import InvalidParams
from pipelines.model.engines import engine_of
from pipelines.model.trained import read_training
from pipelines.stages import evaluate, train
from pipelines.targets.project import load_project


@pytest.fixture
def on_dask(two_workers, monkeypatch):
    """Return a function that trains the small project again on the cluster, with other parameters of ``train``."""
    monkeypatch.setenv("PIPELINE_DASK_ADDRESS", two_workers.address)
    monkeypatch.setenv("PIPELINE_DASK_WORKERS", "2")

    def run(more=""):
        path = Path("pipelines/params.yaml")
        path.write_text(path.read_text().replace("rounds: 15", f"rounds: 15, engine: dask{more}"))
        train.main()
        evaluate.main()
        return read_json(METRICS_JSON, stage="evaluate")["test"]

    return run


def test_small_project_is_measured_as_with_the_local_engine(candidate, on_dask):
    candidate()
    local = read_json(METRICS_JSON, stage="evaluate")["test"]

    found = on_dask()

    assert found["log_loss"] == pytest.approx(local["log_loss"], rel=0.1)
    assert found["roc_auc"] == pytest.approx(local["roc_auc"], abs=0.03)
    assert found["rows"] == local["rows"]


def test_early_stopping_calibration_weights_and_final_fit_together(candidate, on_dask):
    candidate()

    early = "early_stopping: {rounds: 5, validation_share: 0.2}"
    found = on_dask(f", {early}, calibrate: true, class_weights: balanced, final_fit: true")

    training = read_training()
    assert training.final_fit and training.calibration is not None and training.early_stopping is not None
    assert training.registered.rows > training.measured.rows
    assert found["roc_auc"] > 0.8


def test_engine_without_an_address_is_refused_before_any_work(project, monkeypatch):
    path = Path("pipelines/params.yaml")
    path.write_text(path.read_text().replace("rounds: 15", "rounds: 15, engine: dask"))

    with pytest.raises(InvalidParams, match="PIPELINE_DASK_ADDRESS is not set"):
        engine_of(load_project(), Settings())
