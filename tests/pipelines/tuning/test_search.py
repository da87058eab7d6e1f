import time
from dataclasses import replace

import pytest

from pipelines.config.train_params import EarlyStopping
from pipelines.config.tune_params import TuneParams
from pipelines.dataset.rows import FrameRows
from pipelines.errors import InvalidParams
from pipelines.model.early_stopping import divide, find_rounds
from pipelines.tuning.search import study_prefix, window_of


def silent(note=""):
    pass


def changed(project, **blocks):
    params = project.params
    for name, values in blocks.items():
        params = params.model_copy(update={name: getattr(params, name).model_copy(update=values)})
    return replace(project, params=params)


def test_best_trial_is_better_than_the_present_parameters(tuner_of, made):
    tuner, notes = tuner_of(), []

    tuner.run(6, None, notes.append)

    best, present = tuner.best(), tuner.present()
    assert best.value < present.value
    assert 1 <= best.params["max_depth"] <= 6
    assert best.params["grow_policy"] in ("depthwise", "lossguide")
    assert len(notes) == 6
    assert notes[-1] == f"best validation log loss {best.value:.4f} (present {present.value:.4f})"


def test_value_of_a_trial_is_the_validation_loss_of_its_parameters(tuner_of, made):
    tuner = tuner_of()
    tuner.run(3, None, silent)

    best = tuner.best()
    project = changed(made.project, train={"booster": best.params})
    found = find_rounds(
        divide(FrameRows(made.train), made.contract, project, window_of(project)), tuner.contract, project, silent
    )
    assert found.stopped.value == best.value
    assert found.stopped.rounds == best.user_attrs["rounds"]


@pytest.mark.parametrize("space", [{"max_bin": [8, 64, 512]}, {"tree_method": ["hist", "approx"]}])
def test_rows_are_kept_as_each_trial_wants_them(tuner_of, made, space):
    """XGBoost refuses a matrix of other quantiles."""
    space = TuneParams.model_validate({"space": space}).space
    tuner = replace(tuner_of(), project=changed(made.project, tune={"space": space}))
    tuner.run(4, None, silent)

    for trial in tuner.study.trials:
        project = changed(made.project, train={"booster": made.project.params.train.booster | trial.params})
        divided = divide(FrameRows(made.train), made.contract, project, window_of(project))
        assert find_rounds(divided, tuner.contract, project, silent).stopped.value == trial.value


def test_hopeless_trials_are_ended_early(tuner_of, made):
    tuner = tuner_of()
    tuner.run(18, None, silent)

    pruned = [trial for trial in tuner.study.trials if trial.state.name == "PRUNED"]
    assert pruned
    assert all(max(trial.intermediate_values) < 40 for trial in pruned)


def test_no_better_trial_is_said_so(tuner_of):
    tuner = tuner_of()
    tuner.study.set_user_attr("present", tuner.present().model_dump() | {"value": 0.0})

    tuner.run(2, None, silent)

    assert tuner.best() is None


def test_time_that_is_over_ends_the_trial(tuner_of):
    tuner = tuner_of()
    tuner.present()

    tuner.study.optimize(lambda trial: tuner._measure(trial, time.monotonic() - 1), n_trials=1)

    assert [trial.state.name for trial in tuner.study.trials] == ["PRUNED"]
    assert tuner.study.trials[0].intermediate_values == {}


def test_values_that_xgboost_refuses_are_reported(tuner_of, made):
    space = TuneParams.model_validate({"space": {"eta": {"low": -5, "high": -2}}})
    tuner = tuner_of()
    wrong = replace(tuner, project=changed(made.project, tune={"space": space.space}))

    with pytest.raises(InvalidParams, match=r"tried by tune: .*eta.*change tune\.space"):
        wrong.run(1, None, silent)


def test_study_is_of_the_same_rows_columns_and_parameters(made):
    train = FrameRows(made.train)
    prefix = study_prefix(train, made.project)

    assert prefix == study_prefix(FrameRows(made.train.sample(frac=1, random_state=1)), made.project)
    assert prefix != study_prefix(FrameRows(made.train.iloc[1:]), made.project)
    assert prefix != study_prefix(train, changed(made.project, train={"rounds": 41}))
    assert prefix != study_prefix(train, changed(made.project, tune={"space": {}}))
    assert prefix == study_prefix(train, changed(made.project, train={"threads": 3}))


def test_window_is_that_of_early_stopping(made):
    own = EarlyStopping(rounds=3, validation_share=0.4)

    assert window_of(changed(made.project, train={"early_stopping": own})) == own
    assert window_of(made.project) == EarlyStopping(rounds=10, validation_share=0.2)
