from dataclasses import replace

import numpy as np
import pytest

from pipelines.config.train_params import EarlyStopping
from pipelines.dataset.rows import FrameRows
from pipelines.dataset.validation_rows import hold_out
from pipelines.model.boosting import boost
from pipelines.model.early_stopping import divide, find_rounds
from pipelines.model.matrix import encode, labels
from pipelines.model.measure import predict
from pipelines.model.training_matrix import to_matrix

WINDOW = EarlyStopping(rounds=5, validation_share=0.3)


def silent(note=""):
    pass


def search(made, project, window=WINDOW, advance=silent):
    return find_rounds(divide(FrameRows(made.train), made.contract, project, window), made.contract, project, advance)


def project_with(made, **changes):
    train = made.project.params.train.model_copy(update=changes)
    return replace(made.project, params=made.project.params.model_copy(update={"train": train}))


@pytest.mark.parametrize(
    ("name", "changes", "metric"),
    [
        ("penguins", {}, "mlogloss"),
        ("diabetes", {"interval": None}, "rmse"),
        ("diabetes", {}, "quantile"),
    ],
)
def test_best_round_is_the_lowest_of_the_curve_of_every_type(trained, name, changes, metric):
    made = trained(name, **changes)
    project = project_with(made, rounds=200)

    found = search(made, project)

    assert found.stopped.metric == metric
    assert found.stopped.rounds < found.stopped.most_rounds == 200
    assert found.stopped.rounds + WINDOW.rounds == max(found.curve) + 1
    assert found.curve[found.stopped.rounds - 1] == found.stopped.value == min(found.curve.values())


def test_value_is_the_loss_of_rows_that_were_not_learned(trained):
    made = trained("penguins")
    project = project_with(made, rounds=7)
    learned, validation = hold_out(FrameRows(made.train), project, WINDOW)
    params = project.params.train
    booster = boost(to_matrix(learned, made.contract, params), made.contract, project.schema, params, callbacks=[])

    found = search(made, project, EarlyStopping(rounds=7, validation_share=0.3))

    validation = validation.read()
    truth, task = labels(validation, project.task), project.task
    outputs = predict(booster, encode(validation, made.contract)).astype(np.float64)
    assert found.curve[6] == pytest.approx(task.row_losses("log_loss", truth, outputs).mean(), rel=1e-5)
    assert found.stopped.validation_rows == len(validation)


def test_progress_shows_the_best_round(trained):
    made, notes = trained("penguins"), []
    search(made, project_with(made, rounds=4), advance=notes.append)

    assert len(notes) == 4
    assert notes[-1].startswith("best validation log loss 0.")
