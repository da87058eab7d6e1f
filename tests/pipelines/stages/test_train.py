import json
import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient
from sklearn.metrics import log_loss

from espalier.local.mlflow_server import mlflow_server
from espalier.local.processes import free_port
from espalier.local.state import open_state
from pipelines.config.settings import Settings
from pipelines.dataset.files import MEASURED_MODEL, MODEL, RUN_JSON, TEST, TRAIN, TRAINING_JSON, read_prepared
from pipelines.dataset.rows import FrameRows
from pipelines.dataset.trained_rows import describe_rows
from pipelines.errors import InvalidParams, MissingData, Unreachable
from pipelines.model import boosting, engines
from pipelines.model.matrix import encode
from pipelines.model.measure import predict
from pipelines.model.trained import read_model, read_training
from pipelines.stages import evaluate, fetch, prepare, train, validate
from pipelines.stages.train import main

SPLIT = 90
"""Rows of a piece: the training rows of the small table are in five."""


def split_into_pieces():
    """Write the prepared rows again, as those of a larger table are."""
    for path in (TRAIN, TEST):
        pq.write_table(pq.read_table(path), path, row_group_size=SPLIT)


def change_params(old, new):
    path = Path("pipelines/params.yaml")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def left_folders():
    return list(Path("pipelines/work").glob("training-*"))


def base_score(booster):
    """XGBoost begins with the share of the positive class in the rows that it is fitted on."""
    config = json.loads(booster.save_config())["learner"]["learner_model_param"]["base_score"]
    return float(config.strip("[]"))


def test_only_training_rows_train_the_model(candidate, schema):
    """The bound from above: a model that has seen the test rows is too good on them."""
    candidate(max_depth=12, eta=1, min_child_weight=0)

    booster, contract = read_model()
    train, test = read_prepared(TRAIN), read_prepared(TEST)
    losses = [log_loss(rows["bears"], predict(booster, encode(rows, contract)).astype(float)) for rows in (train, test)]
    assert losses[0] < 0.05
    assert losses[1] > 0.2
    assert read_training().registered == describe_rows(FrameRows(train), schema)


def test_only_the_final_fit_uses_all_rows(candidate, schema):
    candidate()
    without = MEASURED_MODEL.read_bytes()
    path = Path("pipelines/params.yaml")
    path.write_text(path.read_text().replace("rounds: 15", "rounds: 15, final_fit: true"))

    candidate()

    train, test = read_prepared(TRAIN), read_prepared(TEST)
    training = read_training()
    assert MEASURED_MODEL.read_bytes() == without
    assert training.final_fit
    assert training.measured == describe_rows(FrameRows(train), schema)
    assert training.registered.rows == len(train) + len(test)
    assert training.registered.newest == describe_rows(FrameRows(test), schema).newest
    everything = np.concatenate([train["bears"], test["bears"]])
    assert base_score(read_model()[0]) == pytest.approx(everything.mean(), abs=1e-4)


def test_without_final_fit_the_measured_model_is_the_registered_one(candidate):
    candidate()

    assert MEASURED_MODEL.read_bytes() == Path("pipelines/work/model.ubj").read_bytes()
    assert not read_training().final_fit


def test_run_has_parameters_lineage_and_curve(candidate, registry, name):
    candidate()

    run_id = json.loads(Path("pipelines/work/run.json").read_text())["run_id"]
    run = registry._client.get_run(run_id)
    assert run.data.params["train.rounds"] == "15"
    assert run.data.params["train.booster.max_depth"] == "3"
    assert run.data.tags["mlflow.source.git.commit"] == "c0ffee"
    assert run.data.tags["espalier.data_md5"] == run.inputs.dataset_inputs[0].dataset.digest
    assert run.data.metrics["train_rows"] > 300
    assert len(registry._client.get_metric_history(run_id, "test_logloss")) == 3


def test_curve_of_some_test_rows_leaves_the_model_as_it_is(candidate, registry, monkeypatch):
    def trained():
        candidate()
        run_id = json.loads(RUN_JSON.read_text())["run_id"]
        history = registry._client.get_metric_history(run_id, "test_logloss")
        return MODEL.read_bytes(), {point.step: point.value for point in history}

    model, curve = trained()
    monkeypatch.setattr(train, "CURVE_ROWS", 20)

    again, some = trained()

    assert again == model
    assert some.keys() == curve.keys()
    assert some != curve


def test_open_run_of_a_killed_job_is_closed(candidate, registry, name):
    candidate()
    first = json.loads(Path("pipelines/work/run.json").read_text())["run_id"]

    candidate()

    assert registry._client.get_run(first).info.status == "KILLED"


def test_mlflow_that_dies_while_the_model_trains(pushed, connected, schema, tmp_path_factory, monkeypatch):
    """Its process is terminated after the run was started, and started again for the next try."""
    state, port = open_state(tmp_path_factory.mktemp("platform")), free_port()
    for stage in (fetch, validate, prepare):
        stage.main()
    monkeypatch.setenv("PIPELINE_MLFLOW_RETRIES", "0")
    real = engines.train_booster
    with ExitStack() as server:
        uri = server.enter_context(mlflow_server(state, port))
        monkeypatch.setenv("PIPELINE_MLFLOW_TRACKING_URI", uri)

        def train_and_lose_mlflow(*arguments, **options):
            fit = real(*arguments, **options)
            server.close()
            return fit

        monkeypatch.setattr(engines, "train_booster", train_and_lose_mlflow)
        with pytest.raises(Unreachable, match="did not store metrics"):
            main()
    assert not MODEL.exists() and not RUN_JSON.exists()
    monkeypatch.setattr(engines, "train_booster", real)

    with mlflow_server(state, port):
        main()
        client = MlflowClient(uri)
        found = client.search_runs([each.experiment_id for each in client.search_experiments()])

    assert sorted(each.info.status for each in found) == ["KILLED", "RUNNING"]  # register ends the second
    assert json.loads(RUN_JSON.read_text())["run_id"] == next(
        each.info.run_id for each in found if each.info.status == "RUNNING"
    )


def run_stage(**settings):
    """Start the stage as a process of its own, like DVC."""
    environment = os.environ | {f"PIPELINE_{name}": str(value) for name, value in settings.items()}
    return subprocess.Popen([sys.executable, "-m", "pipelines.stages.train"], env=environment, stderr=subprocess.PIPE)


def test_killed_in_a_long_training_it_goes_on_and_ends_with_the_same_model(pushed, connected, name, registry):
    """The number of rounds is searched, and two models are trained; SIGKILL comes in the second."""
    path = Path("pipelines/params.yaml")
    early = "rounds: 500, early_stopping: {rounds: 499, validation_share: 0.25}, final_fit: true"
    path.write_text(path.read_text().replace("rounds: 15", early).replace("eta: 0.3", "eta: 0.002"))
    for stage in (fetch, validate, prepare):
        stage.main()
    files = (MEASURED_MODEL, MODEL, TRAINING_JSON)
    with run_stage(CHECKPOINT_SECONDS=0) as left_alone:
        assert not left_alone.wait(300)
    whole = [file.read_bytes() for file in files]
    for file in (*files, RUN_JSON):
        file.unlink()
    kept = {part: Settings().checkpoint_folder / f"{part}.checkpoint" for part in ("search", "measured", "registered")}

    with run_stage(CHECKPOINT_SECONDS=1e-9) as killed:
        while not kept["measured"].exists():
            assert killed.poll() is None
            time.sleep(0.01)
        killed.kill()
    assert kept["search"].exists() and not MODEL.exists()
    with run_stage() as again:
        said = again.stderr.read().decode()

    assert again.returncode == 0, said
    found = [re.search(rf"goes on after round (\d+) of (\d+), from {path}", said) for path in kept.values()]
    assert found[0] and found[1] and not found[2], said
    assert 1 <= int(found[1][1]) < int(found[1][2])
    assert [file.read_bytes() for file in files] == whole
    assert not Settings().checkpoint_folder.exists()
    experiment = registry._client.get_experiment_by_name(name)
    statuses = [run.info.status for run in registry._client.search_runs([experiment.experiment_id])]
    assert sorted(statuses) == ["KILLED", "KILLED", "RUNNING"]


def test_unavailable_mlflow_is_reported_before_the_work(project, monkeypatch):
    monkeypatch.setenv("PIPELINE_MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("PIPELINE_MLFLOW_RETRIES", "0")

    with pytest.raises(Unreachable, match="PIPELINE_MLFLOW_TRACKING_URI"):
        main()


def test_missing_rows_are_reported(connected):
    with pytest.raises(MissingData, match=r"pipelines\.stages\.prepare"):
        main()


def test_failed_training_marks_the_run(candidate, registry, name):
    with pytest.raises(InvalidParams):
        candidate(max_depth="deep")

    experiment = registry._client.get_experiment_by_name(name)
    runs = registry._client.search_runs([experiment.experiment_id])
    assert [run.info.status for run in runs] == ["FAILED"]


EARLY = "rounds: 60, early_stopping: {rounds: 3, validation_share: 0.25}"


def train_early(candidate, more=""):
    path = Path("pipelines/params.yaml")
    path.write_text(path.read_text().replace("rounds: 15", EARLY + more))
    candidate(max_depth=4, eta=0.5)


def test_early_stopping_trains_the_best_round_on_all_training_rows(candidate, registry, schema):
    train_early(candidate)

    found, booster = read_training().early_stopping, read_model()[0]
    assert 1 <= found.rounds < found.most_rounds == 60
    assert booster.num_boosted_rounds() == found.rounds
    train = read_prepared(TRAIN)
    assert read_training().registered == describe_rows(FrameRows(train), schema)
    assert base_score(booster) == pytest.approx(train["bears"].mean(), abs=1e-4)


def test_early_stopping_is_the_same_as_that_number_of_rounds(candidate):
    train_early(candidate)
    best, model = read_training().early_stopping.rounds, MEASURED_MODEL.read_bytes()
    path = Path("pipelines/params.yaml")
    path.write_text(path.read_text().replace(EARLY, f"rounds: {best}"))

    candidate()

    assert MEASURED_MODEL.read_bytes() == model


def test_final_fit_has_the_best_round_too(candidate):
    train_early(candidate, ", final_fit: true")

    training = read_training()
    rounds = {read_model(path)[0].num_boosted_rounds() for path in (MEASURED_MODEL, MODEL)}
    assert rounds == {training.early_stopping.rounds}
    assert training.registered.rows > training.measured.rows


def test_best_round_is_in_mlflow_and_in_the_metrics(candidate, registry):
    train_early(candidate)

    run_id = json.loads(Path("pipelines/work/run.json").read_text())["run_id"]
    data, found = registry._client.get_run(run_id).data, read_training().early_stopping
    assert data.params["train.early_stopping.rounds"] == "3"
    assert data.metrics["best_round"] == found.rounds
    assert data.metrics["validation_rows"] == found.validation_rows
    curve = {point.step: point.value for point in registry._client.get_metric_history(run_id, "validation_logloss")}
    assert curve[found.rounds - 1] == pytest.approx(found.value) == min(curve.values())
    metrics = json.loads(Path("pipelines/work/metrics.json").read_text())
    assert metrics["early_stopping"] == found.model_dump()


@pytest.mark.parametrize("file", ["metrics", "training"])
def test_what_is_not_used_is_in_no_file(candidate, file):
    """The files of a model without it stay as they were, for an API from before it too."""
    candidate()

    written = json.loads(Path(f"pipelines/work/{file}.json").read_text())
    assert written.keys().isdisjoint({"early_stopping", "calibration", "costs"})


def test_test_rows_do_not_decide_the_number_of_rounds(candidate, table):
    train_early(candidate)
    found = read_training().early_stopping
    newest = table["seen"] >= read_prepared(TEST)["seen"].min().isoformat()
    changed = table.assign(bears=table["bears"].where(~newest, 1 - table["bears"]))

    candidate(changed)

    assert read_prepared(TEST)["bears"].mean() != pytest.approx(0.5, abs=1e-6)
    assert read_training().early_stopping == found


def test_search_that_ends_at_the_limit_says_so(candidate):
    path = Path("pipelines/params.yaml")
    path.write_text(
        path.read_text().replace("rounds: 15", "rounds: 2, early_stopping: {rounds: 3, validation_share: 0.2}")
    )
    candidate()

    assert "2 trees (best on the validation rows, the last: raise train.rounds)" in main()


def test_calibration_undoes_what_weights_do_to_probabilities(candidate, registry):
    train_early(candidate, ", class_weights: {bearing: 6}")
    weighted = json.loads(Path("pipelines/work/metrics.json").read_text())
    path = Path("pipelines/params.yaml")
    path.write_text(path.read_text().replace("class_weights", "calibrate: true, class_weights"))

    candidate()

    metrics = json.loads(Path("pipelines/work/metrics.json").read_text())
    assert metrics["test"]["log_loss"] < weighted["test"]["log_loss"]
    assert metrics["test"]["roc_auc"] == pytest.approx(weighted["test"]["roc_auc"], abs=1e-6)
    assert metrics["calibration"]["intercept"] < -0.5
    run_id = json.loads(Path("pipelines/work/run.json").read_text())["run_id"]
    logged = registry._client.get_run(run_id).data.metrics
    assert logged["calibration_slope"] == pytest.approx(metrics["calibration"]["slope"])
    assert read_model()[0].num_boosted_rounds() == metrics["early_stopping"]["rounds"]


@pytest.mark.parametrize("more", ["", ", external_memory: true", ", external_memory: true, final_fit: true"])
def test_rows_in_pieces_give_nearly_the_same_model(candidate, more):
    change_params("rounds: 15", EARLY)
    candidate(max_depth=4, eta=0.5)
    whole = json.loads(Path("pipelines/work/metrics.json").read_text())
    split_into_pieces()
    change_params(EARLY, EARLY + more)

    main()
    evaluate.main()

    metrics = json.loads(Path("pipelines/work/metrics.json").read_text())
    assert metrics["test"]["rows"] == whole["test"]["rows"]
    assert metrics["test"]["log_loss"] == pytest.approx(whole["test"]["log_loss"], rel=0.1)
    assert metrics["early_stopping"]["validation_rows"] == whole["early_stopping"]["validation_rows"]
    assert read_training().registered.rows == len(read_prepared(TRAIN)) + ("final" in more) * len(read_prepared(TEST))
    assert left_folders() == []


def test_failed_training_leaves_no_pages(candidate, monkeypatch):
    candidate()
    split_into_pieces()
    change_params("rounds: 15", "rounds: 15, external_memory: true")
    seen = []

    def fail(*arguments, **options):
        seen.extend(file for folder in left_folders() for file in folder.rglob("*page*") if file.is_file())
        raise InvalidParams("no such thing")

    monkeypatch.setattr(boosting, "boost", fail)
    with pytest.raises(InvalidParams, match="no such thing"):
        main()

    assert seen, "the pages were there while it trained"
    assert left_folders() == []


def test_pages_of_a_killed_training_are_removed(candidate):
    candidate()
    left = Path("pipelines/work/training-999999999/pages-x")
    left.mkdir(parents=True)
    (left / "page").write_text("half a page")

    main()

    assert left_folders() == []
