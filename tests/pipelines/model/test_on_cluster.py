from dataclasses import replace

import numpy as np
import pytest

from pipelines.config.train_params import EarlyStopping
from pipelines.dataset.rows import FrameRows
from pipelines.errors import InvalidParams
from pipelines.model.boosting import train_booster
from pipelines.model.early_stopping import divide, find_rounds
from pipelines.model.matrix import encode, labels
from pipelines.model.measure import predict
from pipelines.model.on_cluster import find_rounds_on_cluster, margins_of, train_on_workers

WINDOW = EarlyStopping(rounds=5, validation_share=0.3)


def silent(note=""):
    pass


def on_cluster(made, cluster, advance=silent, **changes):
    params = made.project.params.train.model_copy(update=changes)
    project = replace(made.project, params=made.project.params.model_copy(update={"train": params}))
    rows, watched = FrameRows(made.train), FrameRows(made.test)
    return train_on_workers(rows, made.contract, project, advance, cluster.settings(), watched=watched)


def score(made, booster):
    outputs = predict(booster, encode(made.test, made.contract))
    task = made.project.task
    metric = task.metrics[0]
    return task.row_losses(metric, labels(made.test, task), outputs.astype(np.float64)).mean()


@pytest.mark.parametrize(
    ("name", "changes", "tolerance"),
    [
        ("penguins", {}, 0.1),
        ("diabetes", {"interval": None}, 0.05),
        ("diabetes", {}, 0.1),
    ],
)
def test_every_type_of_target_is_as_good_as_in_one_process(trained, two_workers, name, changes, tolerance):
    """On some hundred rows: with more, the two come closer."""
    made = trained(name, **changes)

    fit = on_cluster(made, two_workers)

    assert score(made, fit.booster) == pytest.approx(score(made, made.fit.booster), rel=tolerance)
    assert fit.rows == made.fit.rows
    assert list(fit.curve["test"]) == list(fit.curve["train"]) == [0, 10, 11]
    assert fit.curve["test"][0] == pytest.approx(made.fit.curve["test"][0], rel=tolerance)


@pytest.mark.parametrize("booster", [{"booster": "dart", "rate_drop": 0.1}, {"max_bin": 16, "max_depth": 3}])
def test_parameters_of_the_booster_reach_the_workers(trained, two_workers, booster):
    made = trained("diabetes", interval=None)
    params = made.project.params.train.model_copy(update={"booster": booster})
    alone = train_booster(FrameRows(made.train), made.contract, made.project.schema, params, silent).booster

    found = on_cluster(made, two_workers, booster=booster).booster

    assert score(made, found) == pytest.approx(score(made, alone), rel=0.1)
    assert abs(score(made, found) - score(made, on_cluster(made, two_workers, booster={}).booster)) > 1e-6


def test_class_weights_reach_the_workers(trained, two_workers):
    plain = trained("penguins")
    rare = plain.contract.target.classes[1]
    fits = [on_cluster(plain, two_workers, rounds=2, class_weights=weights) for weights in ({rare: 50.0}, None)]

    weighted, usual = (predict(fit.booster, encode(plain.test, plain.contract))[:, 1] for fit in fits)
    assert weighted.mean() > usual.mean() + 0.05


def test_monotone_features_have_the_stated_direction(trained, two_workers):
    made = trained("diabetes", interval=None)
    first, *others = made.project.schema.features
    schema = made.project.schema.model_copy(
        update={"features": (first.model_copy(update={"monotone": "decreasing"}), *others)}
    )
    directed = replace(made, project=replace(made.project, schema=schema))

    booster = on_cluster(directed, two_workers, rounds=40).booster

    rows = np.repeat(encode(made.test.head(1), made.contract), 30, axis=0)
    rows[:, 0] = np.linspace(made.train[first.name].min(), made.train[first.name].max(), 30)
    assert np.diff(predict(booster, rows)).max() <= 0


@pytest.mark.parametrize("booster", [{"max_dept": 3}, {"max_depth": "deep"}, {"max_bin": 1}])
def test_wrong_parameters_are_reported_before_rows_are_sent(trained, booster):
    made = trained("penguins")

    class Nowhere:
        def settings(self):
            return None  # nothing asks for an address

    with pytest.raises(InvalidParams, match=r"train\.booster in params\.yaml"):
        on_cluster(made, Nowhere(), booster=booster)


def test_progress_counts_every_round_once(trained, two_workers):
    notes = []

    on_cluster(trained("penguins"), two_workers, notes.append)

    assert len(notes) == 12
    assert notes[0].startswith("test log loss ")


def test_rounds_are_found_as_in_one_process(trained, two_workers):
    made = trained("penguins", rounds=200)
    rows = FrameRows(made.train)

    found, validation = find_rounds_on_cluster(
        rows, made.contract, made.project, WINDOW, silent, two_workers.settings()
    )
    alone = find_rounds(divide(rows, made.contract, made.project, WINDOW), made.contract, made.project, silent)

    stopped = found.stopped
    assert stopped.rounds + WINDOW.rounds == max(found.curve) + 1 < 200
    assert found.curve[stopped.rounds - 1] == stopped.value == min(found.curve.values())
    assert stopped.value == pytest.approx(alone.stopped.value, rel=0.2)
    assert stopped.validation_rows == alone.stopped.validation_rows == len(validation)
    assert stopped.most_rounds == 200


def test_margins_are_of_the_best_rounds(trained):
    made = trained("diabetes", interval=None)

    margins, truth = margins_of(made.fit.booster, 4, FrameRows(made.test), made.contract)

    part = made.fit.booster[:4]
    np.testing.assert_allclose(margins, predict(part, encode(made.test, made.contract)), rtol=1e-5)
    np.testing.assert_array_equal(truth, labels(made.test, made.project.task))
