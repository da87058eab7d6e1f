"""The whole pipeline as a person runs it: DVC calls the stages as processes."""

import os
import subprocess
import sys

import pytest

from bundle.vocabulary import CHAMPION
from pipelines.dataset.files import REGISTER_JSON, read_json
from pipelines.errors import InvalidParams
from pipelines.runner.run import StageFailed, run_pipeline
from tests.saved_project import saving
from tests.small_project import connected_project, edit_params

STAGES = ["fetch", "validate", "prepare", "train", "evaluate", "register"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory, mlflow, keys):
    """A project after its first run."""
    project = tmp_path_factory.mktemp("saved") / "project"
    with connected_project(project, mlflow.uri, keys.private):
        with saving(project, mlflow.artifacts, tmp_path_factory.mktemp("copies")) as saved:
            assert run_pipeline({}) == STAGES
        return saved


@pytest.fixture
def after_a_run(saved, project, connected):
    saved.restore(project)
    return project


def test_only_changed_stages_run(after_a_run):
    assert run_pipeline({}) == []

    edit_params("category_bins: 2", "category_bins: 3")

    # The contract that train writes has the threshold of the same block.
    assert run_pipeline({}) == ["train", "evaluate", "register"]

    edit_params("min_roc_auc: 0.6", "min_roc_auc: 0.61")

    assert run_pipeline({}) == ["register"]


def test_model_is_judged_again_when_the_champion_has_changed(after_a_run, registry, name):
    edit_params("max_depth: 3", "max_depth: 1")
    run_pipeline({})
    assert read_json(REGISTER_JSON, stage="register")["version"] == "2"
    assert registry.version_of(name, CHAMPION) == "1", "the second is worse"
    assert run_pipeline({}) == []

    registry.remove_alias(name, CHAMPION)

    assert run_pipeline({}) == ["register"]
    assert registry.version_of(name, CHAMPION) == read_json(REGISTER_JSON, stage="register")["version"] == "3"
    assert run_pipeline({}) == []


def test_run_can_stop_before_the_gate_and_continue_later(pushed, connected, monkeypatch):
    monkeypatch.delenv("PIPELINE_SIGNING_KEY_FILE")  # which no stage before the gate needs

    assert run_pipeline({}, until="evaluate") == STAGES[:-1]
    assert run_pipeline({}, until="evaluate") == []


def test_failed_stage_sets_the_exit_code(pushed, connected, capfd, monkeypatch):
    monkeypatch.delenv("PIPELINE_MLFLOW_RETRIES", raising=False)
    before = dict(os.environ)

    with pytest.raises(StageFailed, match="stage train failed with exit code 6") as caught:
        run_pipeline({"PIPELINE_MLFLOW_TRACKING_URI": "http://127.0.0.1:1", "PIPELINE_MLFLOW_RETRIES": "0"})

    assert caught.value.exit_code == 6
    assert dict(os.environ) == before, "a run leaves no variable behind"
    printed = capfd.readouterr().err
    assert "train failed: MLflow at http://127.0.0.1:1 did not answer" in printed
    assert "Traceback" not in printed


def test_broken_dag_is_reported(pushed, connected):
    (pushed.parents[1] / "dvc.yaml").write_text("stages: 1")

    with pytest.raises(InvalidParams, match=r"dvc\.yaml"):
        run_pipeline({})


def test_single_stage_exits_without_a_traceback(project):
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.stages.validate"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(project.parent)},
    )

    assert done.returncode == 3
    message = "validate failed: expected one table in pipelines/work/raw, found 0; run: "
    assert done.stderr == f"{message}python -m pipelines.stages.fetch\n"
