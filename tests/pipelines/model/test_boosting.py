import json

import numpy as np
import pytest
from sklearn.metrics import log_loss

from bundle import Target
from pipelines.config.params import PrepareParams, TrainParams
from pipelines.config.schema import ROW_HASH
from pipelines.dataset.rows import FrameRows
from pipelines.dataset.trained_rows import describe_rows, hash_rows
from pipelines.errors import InvalidParams
from pipelines.model.boosting import train_booster
from pipelines.model.matrix import build_contract, encode, example_row, labels
from pipelines.model.measure import predict
from pipelines.stages.prepare import split_by_time
from pipelines.stages.validate import check_table
from tests.small_project import project_of


@pytest.fixture
def parts(table, schema, params):
    known = check_table(table[table["bears"].notna()], schema, params.validate_)
    return split_by_time(known, project_of(schema, prepare=PrepareParams(test_share=0.2)))


@pytest.fixture
def contract(parts, schema):
    return build_contract(FrameRows(parts[0]), project_of(schema), example=example_row(FrameRows(parts[1]), schema))


@pytest.fixture
def boost(parts, contract, schema):
    def run(rounds=5, seed=1, **booster):
        params = TrainParams(seed=seed, rounds=rounds, threads=1, booster=booster or {"max_depth": 3, "subsample": 0.5})
        return train_booster(
            FrameRows(parts[0]), contract, schema, params, lambda _note="": None, watched=FrameRows(parts[1])
        )

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
    rows = check_table(make(6000, every="1h").dropna(subset=["bears"]), schema, params.validate_)
    rows["weight"] = rows["height"].fillna(3) + rows["bears"] + rows["age"] / 7
    rows["grade"] = np.digitize(rows["weight"], [8, 16]).astype(float)
    rows[ROW_HASH] = hash_rows(rows, schema.columns)
    rows = FrameRows(rows)
    contract = build_contract(rows, project_of(schema), example=example_row(rows, schema))
    contract = contract.model_copy(update={"target": TARGETS[kind]})

    def train(threads):
        booster = {"max_depth": 6, "subsample": 0.8, "colsample_bytree": 0.5}
        of = TrainParams(seed=1, rounds=6, threads=threads, booster=booster)
        return train_booster(rows, contract, schema, of, lambda _note="": None).model

    assert len({train(threads) for threads in (1, 2, 5)}) == 1


def test_training_rows_are_recorded(boost, parts, schema):
    fit = boost()

    assert fit.rows == describe_rows(FrameRows(parts[0]), schema)
    assert fit.rows != describe_rows(FrameRows(parts[1]), schema)
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

    alone = train_booster(FrameRows(parts[0]), contract, schema, params, lambda _note="": None)

    assert alone.model == boost().model
    assert alone.curve == {}


def test_prediction_is_monotone_in_height(boost, parts, contract):
    """Direction: the rule behind the rows says so, and the model has to have found it."""
    booster = boost(rounds=30, max_depth=3).booster
    row = encode(parts[1].head(1), contract).repeat(2, axis=0)
    row[:, 0] = [1, 19]

    low, high = booster.inplace_predict(row)

    assert low < high


def test_parameters_rejected_by_xgboost_are_reported(boost):
    with pytest.raises(InvalidParams, match=r"train\.booster"):
        boost(max_depth="deep")


@pytest.mark.parametrize("more", [{}, {"verbosity": 0}, {"validate_parameters": False}])
def test_unknown_parameters_are_rejected_by_name(boost, more):
    with pytest.raises(InvalidParams, match=r"XGBoost does not know max_dept, sub_sample; check the spelling"):
        boost(max_dept=3, sub_sample=0.5, eta=0.3, **more)


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


@pytest.fixture
def noisy(parts, contract, schema):
    """Train on rows whose age has nothing to do with the target, with other directions or parameters."""

    def run(directions=None, **changes):
        features = [f.model_copy(update={"monotone": (directions or {}).get(f.name)}) for f in schema.features]
        other = schema.model_copy(update={"features": tuple(features)})
        params = TrainParams(seed=1, rounds=40, threads=1, booster={"max_depth": 5, "eta": 0.5}, **changes)
        return train_booster(FrameRows(parts[0]), contract, other, params, lambda _note="": None)

    return run


def steps_with_age(fit, parts, contract):
    """Return how predictions change from each age to the next, for 50 rows."""
    rows = encode(parts[0].head(50), contract)
    ages = np.stack(
        [
            predict(fit.booster, np.column_stack([rows[:, :1], np.full(50, age), rows[:, 2:]]).astype("f4"))
            for age in range(0, 90, 3)
        ]
    )
    return np.diff(ages, axis=0)


def test_monotone_features_have_the_stated_direction(noisy, parts, contract):
    free = steps_with_age(noisy(), parts, contract)
    rising = steps_with_age(noisy({"age": "increasing"}), parts, contract)
    falling = steps_with_age(noisy({"age": "decreasing"}), parts, contract)

    assert free.min() < 0 < free.max()
    assert rising.min() >= 0 < rising.max()
    assert falling.max() <= 0 > falling.min()


def test_without_directions_and_weights_the_model_has_neither(noisy):
    assert noisy().model == noisy({"height": None}, class_weights=None).model


@pytest.mark.parametrize("weights", [{"bearing": 5}, {"bare": 0.2}])
def test_weight_of_a_class_raises_its_probability(noisy, parts, contract, weights):
    rows = encode(parts[1], contract)
    usual, weighted = predict(noisy().booster, rows), predict(noisy(class_weights=weights).booster, rows)

    assert weighted.mean() > usual.mean() + 0.03


def test_balanced_classes_start_from_one_half(noisy):
    assert base_score(noisy().booster) != pytest.approx(0.5, abs=1e-3)
    assert base_score(noisy(class_weights="balanced").booster) == pytest.approx(0.5, abs=1e-3)


def test_curve_is_of_what_is_minimised(parts, contract, schema):
    params = TrainParams(seed=1, rounds=5, threads=1, booster={"max_depth": 3}, class_weights={"bearing": 5})
    fit = train_booster(
        FrameRows(parts[0]), contract, schema, params, lambda _note="": None, watched=FrameRows(parts[1])
    )

    rows = parts[1]
    likely = predict(fit.booster, encode(rows, contract)).astype(float)
    weighted = log_loss(rows["bears"], likely, sample_weight=np.where(rows["bears"] == 1, 5, 1))
    assert fit.curve["test"][4] == pytest.approx(weighted, rel=1e-4)
