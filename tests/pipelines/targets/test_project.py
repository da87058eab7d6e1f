from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.errors import InvalidParams
from pipelines.targets.binary import Binary
from pipelines.targets.project import load_project
from pipelines.targets.regression import Regression
from tests.projects.tables import FOLDER, PROJECTS
from tests.small_project import use_project

ROOT = Path(__file__).parents[3]


def edit(file, *changes):
    path = Path("pipelines", file)
    for old, new in changes:
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize("name", PROJECTS)
def test_example_projects_are_valid(name):
    project = load_project(FOLDER / name / "pipelines" / "params.yaml", FOLDER / name / "pipelines" / "schema.yaml")

    assert project.target.type == project.schema.target.type
    assert project.params.register_.gate.block is None
    assert project.params.register_.gate.compare_by in project.task.metrics


def test_flights_are_valid():
    project = load_project(ROOT / "pipelines/params.yaml", ROOT / "pipelines/schema.yaml")

    assert isinstance(project.task, Binary)
    assert project.params.register_.gate.block == timedelta(days=1)


def test_target_of_the_contract_has_what_both_files_say(whole):
    assert whole.target.classes == ("bare", "bearing")
    assert whole.target.threshold == 0.4
    assert whole.target.description == "Bears fruit"


def test_threshold_of_the_contract_follows_from_the_costs(project):
    edit("params.yaml", ("threshold: 0.4", "threshold: {false_positive: 1, false_negative: 4}"))

    assert load_project().target.threshold == 0.2


def test_costs_and_weights_exclude_each_other(project):
    edit(
        "params.yaml",
        ("threshold: 0.4", "threshold: {false_positive: 1, false_negative: 4}"),
        ("rounds: 15", "rounds: 15, class_weights: balanced"),
    )

    with pytest.raises(InvalidParams, match=r"class_weights and the costs of evaluate\.threshold exclude each other"):
        load_project()


def test_more_than_two_classes_cannot_be_monotone(project):
    use_project("penguins")
    path = Path("pipelines/schema.yaml")
    path.write_text(path.read_text().replace("type: float,", "type: float, monotone: increasing,", 1))

    with pytest.raises(InvalidParams, match=r"monotone \(\w+ in schema.yaml\) is for a target of type binary or"):
        load_project()


def test_defaults_follow_the_target(project):
    edit("params.yaml", (", compare_by: log_loss", ""), ("threshold: 0.4, ", ""))
    assert load_project().params.register_.gate.compare_by == "log_loss"
    assert load_project().target.threshold == 0.5

    use_project("diabetes")
    assert load_project().params.register_.gate.compare_by == "pinball_loss"
    assert load_project().target.quantiles == (0.1, 0.5, 0.9)
    edit("params.yaml", ("interval: 0.8, ", ""), (", max_coverage_error: 0.25", ""))
    assert load_project().params.register_.gate.compare_by == "mse"
    assert isinstance(load_project().task, Regression)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "",
            "eta: 0.3",
            "eta: 0.3, objective: reg:squarederror",
            "objective reg:squarederror is not supported: .*binary:l",
        ),
        (
            "",
            "rounds: 15",
            "rounds: 15, interval: 0.9",
            r"train\.interval is for a target of type regression, and .*binary",
        ),
        ("", "min_roc_auc: 0.6", "min_r2: 0.6", r"register\.gate\.min_r2 is for a target of type regression"),
        ("", "min_roc_auc: 0.6", "max_coverage_error: 0.1", r"register\.gate\.max_coverage_error is for a target of"),
        ("", "log_loss", "mse", r"compare_by: mse cannot compare .* use log_loss or brier or roc_auc or pr_auc"),
        ("", "test_share: 0.3", "test_share: 0.3, group: tag", r"prepare\.group is for a table without a time column"),
        ("", "test_share: 0.3", "test_share: 0.3, stratify: true", r"prepare\.stratify is for a table without a time"),
        ("", "slices: [kind]", "slices: [kinds]", r"evaluate\.slices: kinds is no column"),
        (
            "penguins",
            "slices",
            "threshold: {false_positive: 1, false_negative: 2}, slices",
            r"evaluate\.threshold is for a target of type binary",
        ),
        (
            "",
            "rounds: 15",
            "rounds: 15, class_weights: {bears: 2}",
            r"train\.class_weights: bears is no class of bears; it has bare, bearing",
        ),
        ("diabetes", "rounds: ", "class_weights: balanced, rounds: ", r"train\.class_weights is for a target of type"),
        ("penguins", "slices", "threshold: 0.5, slices", r"evaluate\.threshold is for a target of type binary"),
        ("penguins", "min_improvement", "compare_by: roc_auc, min_improvement", "compare_by: roc_auc cannot compare"),
        ("penguins", "test_share: 0.3", "test_last: 9d", r"prepare\.test_last needs a time column"),
        ("penguins", "test_share: 0.3", "test_share: 0.3, train_last: 9d", r"prepare\.train_last needs a time column"),
        ("penguins", "rounds: 30", "rounds: 30, final_fit: true", r"train\.final_fit needs a time column"),
        (
            "penguins",
            "rounds: 30",
            "rounds: 30, early_stopping: {rounds: 3, validation_last: 3d}",
            r"train\.early_stopping\.validation_last needs a time column, .* use validation_share",
        ),
        ("penguins", "slices", "time_slice: month, slices", r"evaluate\.time_slice needs a time column"),
        ("penguins", "min_improvement", "block: 1d, min_improvement", r"register\.gate\.block needs a time column"),
        (
            "penguins",
            "min_improvement",
            "replace_when: better_or_newer, max_loss: 0.1, min_improvement",
            "better_or_newer needs a time column",
        ),
        ("penguins", "seed: 1}\n", "seed: 1, group: sex, stratify: true}\n", "stratify and prepare.group exclude"),
        ("penguins", "seed: 1}\n", "seed: 1, group: nest}\n", r"prepare\.group: nest is no column"),
        ("penguins", "seed: 1}\n", "seed: 1, group: species}\n", r"prepare\.group: species is the target"),
        ("diabetes", "min_r2: 0.2", "min_roc_auc: 0.6", r"register\.gate\.min_roc_auc is for .*binary or multiclass"),
        ("diabetes", "min_r2: 0.2", "max_calibration_error: 0.1", r"register\.gate\.max_calibration_error is for a"),
        ("diabetes", "interval: 0.8, ", "", r"register\.gate\.max_coverage_error is of an interval"),
        (
            "diabetes",
            "test_share: 0.3",
            "test_share: 0.3, stratify: true",
            r"prepare\.stratify is for .*binary or multi",
        ),
        ("wine", "eta: 0.3", "eta: 0.3, objective: 'multi:softmax'", "for this target of type multiclass it is always"),
    ],
)
def test_parameter_that_does_not_fit_the_columns_is_named(project, name, old, new, message):
    if name:
        use_project(name)
    edit("params.yaml", (old, new))

    with pytest.raises(InvalidParams, match=message) as caught:
        load_project()

    assert "pipelines/params.yaml: " in str(caught.value)


def test_row_as_block_may_be_written_without_a_time_column(project):
    use_project("penguins")
    edit("params.yaml", ("min_improvement", "block: row, min_improvement"))

    assert load_project().params.register_.gate.block is None


def test_all_problems_are_named_at_once(project):
    edit("params.yaml", ("rounds: 15", "rounds: 15, interval: 0.9"), ("min_roc_auc: 0.6", "min_r2: 0.5"))

    with pytest.raises(InvalidParams, match=r"train\.interval is for .*; register\.gate\.min_r2 is for"):
        load_project()
