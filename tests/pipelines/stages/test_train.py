import json
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb
from sklearn.metrics import log_loss

from bundle import Target
from pipelines.config.params import PrepareParams, TrainParams
from pipelines.config.schema import ROW_HASH
from pipelines.dataset.files import MEASURED_MODEL, TEST, TRAIN, read_prepared
from pipelines.dataset.trained_rows import describe_rows, hash_rows
from pipelines.errors import InvalidParams, MissingData, Unreachable
from pipelines.model.matrix import build_contract, encode, example_row, labels
from pipelines.model.measure import predict
from pipelines.model.trained import read_model, read_training
from pipelines.stages.prepare import split_by_time
from pipelines.stages.train import main, to_matrix, train_booster
from pipelines.stages.validate import check_table
from tests.small_project import project_of


@pytest.fixture
def parts(table, schema, params):
    known = check_table(table[table["bears"].notna()], schema, params.validate_)
    return split_by_time(known, project_of(schema, prepare=PrepareParams(test_share=0.2)))


@pytest.fixture
def contract(parts, schema):
    return build_contract(parts[0], project_of(schema), example=example_row(parts[1], schema))


@pytest.fixture
def boost(parts, contract, schema):
    def run(rounds=5, seed=1, **booster):
        params = TrainParams(seed=seed, rounds=rounds, threads=1, booster=booster or {"max_depth": 3, "subsample": 0.5})
        return train_booster(parts[0], contract, schema, params, lambda _note="": None, watched=parts[1])

    return run


def base_score(booster):
    """XGBoost begins with the share of the positive class in the rows that it is fitted on."""
    config = json.loads(booster.save_config())["learner"]["learner_model_param"]["base_score"]
    return float(config.strip("[]"))


def test_seed_determines_the_model(boost):
    assert boost(seed=1).model == boost(seed=1).model
    assert boost(seed=1).model != boost(seed=2).model


TARGETS = {
    "binary": Target(name="bears", classes=("bare", "bearing"), threshold=0.5),
    "multiclass": Target(name="grade", type="multiclass", classes=("low", "middle", "high")),
    "regression": Target(name="weight", type="regression"),
    "interval": Target(name="weight", type="regression", interval=0.9),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_number_of_threads_does_not_change_the_model(make, schema, params, kind):
    """On more rows than XGBoost sums up in one block, of which several threads take one each."""
    rows = check_table(make(6000).dropna(subset=["bears"]), schema, params.validate_)
    rows["weight"] = rows["height"].fillna(3) + rows["bears"] + rows["age"] / 7
    rows["grade"] = np.digitize(rows["weight"], [8, 16]).astype(float)
    rows[ROW_HASH] = hash_rows(rows, schema.columns)
    contract = build_contract(rows, project_of(schema), example=example_row(rows, schema))
    contract = contract.model_copy(update={"target": TARGETS[kind]})

    def train(threads):
        booster = {"max_depth": 6, "subsample": 0.8, "colsample_bytree": 0.5}
        of = TrainParams(seed=1, rounds=6, threads=threads, booster=booster)
        return train_booster(rows, contract, schema, of, lambda _note="": None).model

    assert len({train(threads) for threads in (1, 2, 5)}) == 1


def test_training_rows_are_recorded(boost, parts, schema):
    fit = boost()

    assert fit.rows == describe_rows(parts[0], schema)
    assert fit.rows != describe_rows(parts[1], schema)
    assert base_score(fit.booster) == pytest.approx(parts[0]["bears"].mean(), abs=1e-4)


def test_curve_has_every_tenth_round_and_the_last(boost, parts, contract):
    fit = boost(rounds=25)

    assert list(fit.curve["train"]) == list(fit.curve["test"]) == [0, 10, 20, 24]
    for name, rows in zip(("train", "test"), parts, strict=True):
        direct = log_loss(rows["bears"], predict(fit.booster, encode(rows, contract)).astype(float))
        assert fit.curve[name][24] == pytest.approx(direct, abs=1e-4)
    assert fit.curve["train"][24] < fit.curve["train"][0]


def test_learning_curve_does_not_change_the_model(boost, parts, contract, schema):
    params = TrainParams(seed=1, rounds=5, threads=1, booster={"max_depth": 3, "subsample": 0.5})

    alone = train_booster(parts[0], contract, schema, params, lambda _note="": None)

    assert alone.model == boost().model
    assert alone.curve == {}


def test_prediction_is_monotone_in_height(boost, parts, contract):
    """Direction: the rule behind the rows says so, and the model has to have found it."""
    booster = boost(rounds=30, max_depth=3).booster
    row = encode(parts[1].head(1), contract).repeat(2, axis=0)
    row[:, 0] = [1, 19]

    low, high = booster.inplace_predict(row)

    assert low < high


def test_matrix_has_the_contracts_types(parts, contract, schema):
    matrix = to_matrix(parts[0], contract)

    assert isinstance(matrix, xgb.DMatrix)
    assert matrix.feature_types == ["q", "int", "i", "c", "c"]


def test_parameters_rejected_by_xgboost_are_reported(boost):
    with pytest.raises(InvalidParams, match=r"train\.booster"):
        boost(max_depth="deep")


@pytest.mark.parametrize("more", [{}, {"verbosity": 0}, {"validate_parameters": False}])
def test_unknown_parameters_are_rejected_by_name(boost, more):
    with pytest.raises(InvalidParams, match=r"XGBoost does not know max_dept, sub_sample; check the spelling"):
        boost(max_dept=3, sub_sample=0.5, eta=0.3, **more)


def test_only_training_rows_train_the_model(candidate, schema):
    """The bound from above: a model that has seen the test rows is too good on them."""
    candidate(max_depth=12, eta=1, min_child_weight=0)

    booster, contract = read_model()
    train, test = read_prepared(TRAIN), read_prepared(TEST)
    losses = [log_loss(rows["bears"], predict(booster, encode(rows, contract)).astype(float)) for rows in (train, test)]
    assert losses[0] < 0.05
    assert losses[1] > 0.2
    assert read_training().registered == describe_rows(train, schema)


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
    assert training.measured == describe_rows(train, schema)
    assert training.registered.rows == len(train) + len(test)
    assert training.registered.newest == describe_rows(test, schema).newest
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


def test_open_run_of_a_killed_job_is_closed(candidate, registry, name):
    candidate()
    first = json.loads(Path("pipelines/work/run.json").read_text())["run_id"]

    candidate()

    assert registry._client.get_run(first).info.status == "KILLED"


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


@pytest.mark.parametrize(
    ("name", "changes", "objective"),
    [
        ("penguins", {}, "multi:softprob"),
        ("diabetes", {}, "reg:quantileerror"),
        ("diabetes", {"interval": None}, "reg:squarederror"),
    ],
)
def test_every_type_of_target_is_learned(trained, name, changes, objective):
    made = trained(name, **changes)

    learner = json.loads(made.fit.booster.save_config())["learner"]
    assert learner["objective"]["name"] == objective
    curve = made.fit.curve["test"]
    assert list(curve) == [0, 10, 11]
    assert curve[11] < curve[0]
    assert made.contract.target == made.project.target
    outputs = predict(made.fit.booster, encode(made.test, made.contract))
    assert outputs.shape == ((len(made.test),) if made.contract.target.outputs == 1 else (len(made.test), 3))


def test_curve_is_the_metric_of_the_task_on_the_test_rows(trained):
    made = trained("penguins")

    outputs = predict(made.fit.booster, encode(made.test, made.contract))

    expected = made.project.task.score(labels(made.test, made.project.task), outputs).log_loss
    assert made.fit.curve["test"][11] == pytest.approx(expected, rel=1e-5)
