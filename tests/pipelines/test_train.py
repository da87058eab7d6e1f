import json
from pathlib import Path

import pytest

from pipelines.errors import InvalidParams, MissingData, Unreachable
from pipelines.matrix import build_contract, real_row
from pipelines.params import TrainParams
from pipelines.train import main, to_matrix, train_booster


@pytest.fixture
def matrices(table, schema):
    known = table[table["bears"].notna()]
    contract = build_contract(known, schema, model_name="t", threshold=0.5, example=real_row(known, schema))
    return to_matrix(known.head(400), contract, schema), to_matrix(known.tail(100), contract, schema)


def boost(matrices, rounds=5, **booster):
    params = TrainParams(seed=1, rounds=rounds, threads=1, booster=booster or {"max_depth": 3, "subsample": 0.5})
    return train_booster(*matrices, params, lambda _note="": None)


def test_one_seed_gives_one_model(matrices):
    first, _ = boost(matrices)
    second, _ = boost(matrices)

    assert first.save_raw("ubj") == second.save_raw("ubj")


def test_curve_has_every_round_and_falls(matrices):
    _, curve = boost(matrices, rounds=10)

    losses = curve["train"]["logloss"]
    assert len(losses) == len(curve["test"]["logloss"]) == 10
    assert losses[-1] < losses[0]


def test_more_height_never_bears_less(matrices):
    """Direction: the rule behind the rows says so, and the model has to have found it."""
    booster, _ = boost(matrices, rounds=30, max_depth=3)
    row = matrices[1].get_data().toarray()[:1].repeat(2, axis=0)
    row[:, 0] = [1, 19]

    low, high = booster.inplace_predict(row)

    assert low < high


def test_parameters_that_xgboost_refuses_are_said(matrices):
    with pytest.raises(InvalidParams, match=r"train\.booster"):
        boost(matrices, max_depth="deep")


def test_run_holds_parameters_lineage_and_curve(candidate, registry, name):
    candidate()

    run_id = json.loads(Path("pipelines/work/run.json").read_text())["run_id"]
    run = registry._client.get_run(run_id)
    assert run.data.params["train.rounds"] == "15"
    assert run.data.params["train.booster.max_depth"] == "3"
    assert run.data.tags["mlflow.source.git.commit"] == "c0ffee"
    assert run.data.tags["espalier.data_md5"] == run.inputs.dataset_inputs[0].dataset.digest
    assert run.data.metrics["train_rows"] > 300
    assert len(registry._client.get_metric_history(run_id, "test_logloss")) == 3


def test_run_that_a_killed_job_left_open_is_closed(candidate, registry, name):
    candidate()
    first = json.loads(Path("pipelines/work/run.json").read_text())["run_id"]

    candidate()

    assert registry._client.get_run(first).info.status == "KILLED"


def test_mlflow_that_is_away_is_said_before_the_work(project, monkeypatch):
    monkeypatch.setenv("PIPELINE_MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("PIPELINE_MLFLOW_RETRIES", "0")

    with pytest.raises(Unreachable, match="PIPELINE_MLFLOW_TRACKING_URI"):
        main()


def test_missing_rows_are_said(connected):
    with pytest.raises(MissingData, match=r"pipelines\.prepare"):
        main()


def test_failed_training_marks_the_run(candidate, registry, name):
    with pytest.raises(InvalidParams):
        candidate(max_depth="deep")

    experiment = registry._client.get_experiment_by_name(name)
    runs = registry._client.search_runs([experiment.experiment_id])
    assert [run.info.status for run in runs] == ["FAILED"]
