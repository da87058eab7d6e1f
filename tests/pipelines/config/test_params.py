from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.config.params import load_params
from pipelines.errors import InvalidParams


def test_every_stage_has_a_params_block(params):
    assert params.train.rounds == 15
    assert params.validate_.max_reported == 3
    assert params.register_.gate.min_roc_auc == 0.6


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rounds: 15", "rounds: none", r"train\.rounds"),
        ("rounds: 15", "rounds: 15, trees: 3", r"train\.trees"),
        ("test_share: 0.3", "test_share: 0.3, test_from: 2025-02-01", "exactly one.*set: test_from and test_share"),
        ("test_share: 0.3", "test_share: 0.3, test_last: 90d", "exactly one.*set: test_share and test_last"),
        ("test_share: 0.3", "", "exactly one of test_from, test_share and test_last; set: none"),
        ("test_share: 0.3", "train_last: 90d", "exactly one"),
        ("test_share: 0.3", "test_last: 3 months", r"prepare\.test_last: .*such as 90d"),
        ("test_share: 0.3", "test_last: 90", r"prepare\.test_last: .*such as 90d"),
        ("test_share: 0.3", "test_last: 0d", "test_last must be longer than 0"),
        ("test_share: 0.3", "test_share: 0.3, train_last: 0d", "train_last must be longer than 0"),
        ("min_rows: 10", "max_future: -1d", r"validate\.max_future: .*such as 90d"),
        ("eta: 0.3", "eta: 0.3, booster: gblinear", r"booster gblinear is not supported; use gbtree or dart"),
        ("eta: 0.3", "eta: 0.3, num_class: 3", r"set target\.classes in schema\.yaml instead of num_class"),
        ("eta: 0.3", "eta: 0.3, quantile_alpha: 0.1", r"set train\.interval instead of quantile_alpha"),
        ("eta: 0.3", "eta: 0.3, multi_strategy: multi_output_tree", "remove multi_strategy"),
        ("rounds: 15", "rounds: 15, interval: 90", r"train\.interval"),
        ("rounds: 15", "rounds: 15, early_stopping: 5", r"train\.early_stopping"),
        ("rounds: 15", "rounds: 15, calibrate: true", "calibrate needs validation rows; set early_stopping"),
        (
            "rounds: 15, threads: 1, booster: {",
            "rounds: 15, calibrate: true, early_stopping: {rounds: 3, validation_share: 0.1}, "
            "booster: {booster: dart, ",
            "calibrate is for booster gbtree",
        ),
        ("rounds: 15", "rounds: 15, class_weights: even", r"train\.class_weights: .*write balanced, or the weight of"),
        ("rounds: 15", "rounds: 15, class_weights: {bare: 0}", r"train\.class_weights: .*above 0 and at most"),
        ("rounds: 15", "rounds: 15, class_weights: {}", r"train\.class_weights"),
        ("eta: 0.3", "eta: 0.3, scale_pos_weight: 4", r"set train\.class_weights instead of scale_pos_weight"),
        ("eta: 0.3", 'eta: 0.3, monotone_constraints: "(1)"', r"set monotone of the features in schema\.yaml instead"),
        ("rounds: 15", "rounds: 15, external_memory: often", r"train\.external_memory"),
        (
            "rounds: 15, threads: 1, booster: {",
            "rounds: 15, external_memory: true, booster: {tree_method: exact, ",
            r"external_memory is for tree_method hist.*remove tree_method and updater from booster",
        ),
        (
            "rounds: 15, threads: 1, booster: {",
            "rounds: 15, external_memory: true, booster: {updater: grow_colmaker, ",
            "external_memory is for tree_method hist",
        ),
        ("rounds: 15", "rounds: 15, engine: spark", r"train\.engine"),
        (
            "rounds: 15",
            "rounds: 15, engine: dask, external_memory: true",
            "external_memory keeps the rows in files of one machine.*set external_memory to false, or engine to local",
        ),
        (
            "rounds: 15, threads: 1, booster: {",
            "rounds: 15, engine: dask, booster: {tree_method: approx, ",
            "engine dask is for tree_method hist.*or set engine to local",
        ),
        ("seed: 1,", "seed: 1,\n tune: 3,", r"train\.tune"),
        ("evaluate:", "tune: {space: {}}\nevaluate:", r"tune\.space"),
        ("evaluate:", "tune: {space: {eta: {low: 1, high: 0.1}}}\nevaluate:", r"tune\.space\.eta.*low 1 must be below"),
        ("evaluate:", "tune: {space: {eta: {low: 0, high: 1, log: true}}}\nevaluate:", "with log, low must be above 0"),
        ("evaluate:", "tune: {space: {eta: [0.1]}}\nevaluate:", r"tune\.space\.eta.*at least 2 items"),
        ("evaluate:", "tune: {space: {eta: 0.1}}\nevaluate:", r"tune\.space\.eta"),
        (
            "evaluate:",
            "tune: {space: {n_jobs: [1, 2]}}\nevaluate:",
            r"n_jobs cannot be tuned: it is set by train\.threads",
        ),
        (
            "evaluate:",
            "tune: {space: {objective: [a, b]}}\nevaluate:",
            "objective cannot be tuned: it follows from the type",
        ),
        ("threshold: 0.4", "threshold: 1.4", r"evaluate\.threshold.*less than 1"),
        ("threshold: 0.4", "threshold: often", r"evaluate\.threshold.*valid number"),
        ("threshold: 0.4", "threshold: {false_positive: 1}", r"evaluate\.threshold\..*false_negative: Field required"),
        (
            "threshold: 0.4",
            "threshold: {false_positive: 1, false_negative: 0}",
            r"evaluate\.threshold\..*false_negative: .*greater than 0",
        ),
        ("rounds: 15", "rounds: 15, early_stopping: {rounds: 5}", r"validation_last and validation_share; set: none"),
        (
            "rounds: 15",
            "rounds: 15, early_stopping: {rounds: 5, validation_share: 0.1, validation_last: 3d}",
            r"exactly one of validation_last and validation_share; set: both",
        ),
        (
            "rounds: 15",
            "rounds: 15, early_stopping: {rounds: 0, validation_share: 0.1}",
            r"train\.early_stopping\.rounds",
        ),
        (
            "rounds: 15",
            "rounds: 15, early_stopping: {rounds: 5, validation_last: 0d}",
            "validation_last must be longer than 0",
        ),
        ("eta: 0.3", "eta: 0.3, eval_metric: auc", r"train\.booster: .*eval_metric"),
        ("eta: 0.3", "eta: 0.3, seed: 4", r"set train\.seed instead of seed"),
        ("eta: 0.3", "eta: 0.3, nthread: 4", r"set train\.threads instead of nthread"),
        ("compare_by: log_loss", "compare_by: luck", r"register\.gate\.compare_by"),
        ("compare_by: log_loss", "block: day", r"register\.gate\.block: .*row, or a whole number and h, d or w"),
        ("compare_by: log_loss", "block: 0d", r"register\.gate\.block: .*above 0, or row"),
        ("compare_by: log_loss", "replace_when: newer", r"register\.gate\.replace_when"),
        ("compare_by: log_loss", "replace_when: better_or_newer", "better_or_newer needs max_loss"),
        ("compare_by: log_loss", "confidence: 95", r"register\.gate\.confidence"),
    ],
)
def test_wrong_value_names_file_and_key(project, old, new, message):
    path = Path("pipelines/params.yaml")
    path.write_text(path.read_text().replace(old, new))

    with pytest.raises(InvalidParams, match=message) as caught:
        load_params()

    assert "pipelines/params.yaml" in str(caught.value)


def test_tune_cannot_try_what_external_memory_refuses(project):
    path = Path("pipelines/params.yaml")
    text = path.read_text().replace("rounds: 15", "rounds: 15, external_memory: true")
    path.write_text(f"{text}tune: {{space: {{tree_method: [hist, approx]}}}}\n")

    with pytest.raises(InvalidParams, match=r"remove tree_method from tune\.space"):
        load_params()


def test_durations_are_hours_days_and_weeks(project):
    path = Path("pipelines/params.yaml")
    path.write_text(path.read_text().replace("test_share: 0.3", "test_last: 36h, train_last: 52w"))

    prepare = load_params().prepare

    assert prepare.test_last == timedelta(hours=36)
    assert prepare.train_last == timedelta(weeks=52)


@pytest.mark.parametrize(("text", "length"), [("6h", timedelta(hours=6)), ("1w", timedelta(days=7)), ("row", None)])
def test_block_is_a_duration_or_row(project, text, length):
    path = Path("pipelines/params.yaml")
    path.write_text(path.read_text().replace("compare_by: log_loss", f"block: {text}"))

    assert load_params().register_.gate.block == length


def test_gate_without_the_newer_keys_asks_for_a_gain_beyond_noise(params):
    gate = params.register_.gate

    assert (gate.replace_when, gate.min_improvement, gate.max_loss, gate.confidence) == ("better", 0, 0, 0.95)
    assert gate.block == timedelta(days=1)
    assert gate.max_calibration_error is gate.max_slice_loss is None


def test_missing_file_is_reported(project):
    Path("pipelines/params.yaml").unlink()

    with pytest.raises(InvalidParams, match="cannot read"):
        load_params()


def test_invalid_yaml_is_reported(project):
    Path("pipelines/params.yaml").write_text("a: [")

    with pytest.raises(InvalidParams, match="not YAML"):
        load_params()
