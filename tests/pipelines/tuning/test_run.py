from datetime import timedelta

import pytest

from pipelines.config.settings import StudySettings, load_settings
from pipelines.dataset.files import TRAIN
from pipelines.dataset.rows import FileRows
from pipelines.errors import InvalidParams
from pipelines.stages import fetch, prepare, validate
from pipelines.targets.project import load_project
from pipelines.tuning.run import Plan, tune
from pipelines.tuning.storage import need_optuna


@pytest.fixture
def prepared(pushed, registry):
    need_optuna()
    for stage in (fetch, validate, prepare):
        stage.main()
    return FileRows(TRAIN)


def test_too_short_a_budget_is_reported_and_marks_the_run(prepared, url, registry, name):
    plan = Plan(trials=5, budget=timedelta(microseconds=1))

    with pytest.raises(InvalidParams, match="no trial was finished in the time; give --time-budget more"):
        tune(prepared, load_project(), load_settings(), url, plan)

    client = registry._client
    [run] = client.search_runs([client.get_experiment_by_name(f"{name}-tuning").experiment_id])
    assert run.info.status == "FAILED"


def test_outcome_names_study_run_and_trials(prepared, url, registry):
    found = tune(prepared, load_project(), load_settings(), url, Plan(trials=2))

    assert found.study.endswith("-1")
    assert found.metric == "logloss"
    assert found.trials == {"complete": 2}
    assert (found.best is None) == (found.changes is None)
    data = registry._client.get_run(found.run_id).data
    assert data.metrics["present_validation_logloss"] == found.present
    assert data.params["study"] == found.study


def test_address_of_the_studies_is_a_secret(monkeypatch):
    monkeypatch.setenv("PIPELINE_STUDY_URL", "postgresql://me:hunter2@db/studies")

    assert "hunter2" not in repr(StudySettings())
