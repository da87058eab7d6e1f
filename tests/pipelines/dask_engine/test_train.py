from dataclasses import replace

import numpy as np
import pytest
import xgboost as xgb
from sklearn.metrics import log_loss

from pipelines.dask_engine.attempts import train_on_cluster
from pipelines.dask_engine.pieces import Piece, Rows, Stop
from pipelines.errors import PipelineError
from tests.pipelines.dask_engine.clusters import NAMES, TYPES, make_plan, make_rows, whole


def silent(round_, values):
    pass


def on_cluster(cluster, *sets, heard=silent, plan=None, **settings):
    return train_on_cluster(cluster.settings(**settings), sets, plan or make_plan(), heard)


def locally(rows, plan):
    """The booster of one process, and a matrix for XGBoost."""
    piece = whole(rows)
    matrix = xgb.QuantileDMatrix(
        piece.matrix,
        piece.labels,
        weight=piece.weights,
        feature_names=NAMES,
        feature_types=TYPES,
        enable_categorical=True,
    )
    return xgb.train(plan.params, matrix, plan.rounds)


def outputs(model, rows):
    booster = model
    if isinstance(model, bytes):
        booster = xgb.Booster()
        booster.load_model(bytearray(model))
    return np.asarray(booster.inplace_predict(whole(rows).matrix, validate_features=False))


def test_two_workers_learn_what_one_process_does(two_workers):
    train, test = make_rows(), make_rows("test", seed=2)

    boosted = on_cluster(two_workers, train)

    truth = whole(test).labels
    alone = log_loss(truth, outputs(locally(train, make_plan()), test).astype(float))
    found = log_loss(truth, outputs(boosted.model, test).astype(float))
    assert found == pytest.approx(alone, rel=0.03)
    assert alone < 0.6, "there is something to learn"


def test_the_same_pieces_and_workers_give_the_same_bytes(two_workers):
    train = make_rows(pieces=5)

    assert on_cluster(two_workers, train).model == on_cluster(two_workers, train).model


def test_the_same_workers_elsewhere_give_the_same_bytes(two_workers, cluster):
    """Other addresses, other names, and another order in which they came."""
    train = make_rows(pieces=5)

    assert on_cluster(two_workers, train).model == on_cluster(cluster.add("b", "a"), train).model


def test_both_workers_learn(two_workers):
    """Rows of one of them alone would give another model."""
    train = make_rows(pieces=1)
    halves = [Rows("train", train.count // 2, lambda start=start: half(train, start)) for start in (0, 1)]

    both = outputs(on_cluster(two_workers, train).model, train)

    for rows in halves:
        assert np.abs(outputs(locally(rows, make_plan()), train) - both).max() > 0.05


def half(rows, start):
    piece = whole(rows)
    yield Piece(piece.matrix[start::2], piece.labels[start::2])


def test_weights_count(two_workers):
    plain, weighted = (on_cluster(two_workers, make_rows(weight=weight)).model for weight in (0, 5))

    assert outputs(weighted, make_rows()).mean() > outputs(plain, make_rows()).mean() + 0.1


def test_metric_of_each_round_is_of_the_rows(two_workers):
    train, test = make_rows(), make_rows("test", seed=2)
    heard = []

    boosted = on_cluster(two_workers, train, test, heard=lambda round_, values: heard.append((round_, values)))

    curve = boosted.history["test"]["logloss"]
    assert len(curve) == len(boosted.history["train"]["logloss"]) == 20
    assert curve[-1] == pytest.approx(
        log_loss(whole(test).labels, outputs(boosted.model, test).astype(float)), rel=1e-5
    )
    assert [round_ for round_, _ in heard] == list(range(len(heard))) and len(heard) >= 15
    assert heard[3][1]["test"]["logloss"] == curve[3]


def test_training_stops_after_rounds_without_a_gain(two_workers):
    train, validation = make_rows(count=300), make_rows("validation", count=300, seed=2)
    plan = replace(make_plan(200, eta=0.5), stop=Stop(5, "logloss", "validation"))

    boosted = on_cluster(two_workers, train, validation, plan=plan)

    curve = boosted.history["validation"]["logloss"]
    assert list(boosted.history) == ["validation"], "measuring costs time"
    assert boosted.best_round == int(np.argmin(curve)) == len(curve) - 6
    assert len(curve) < 200


@pytest.mark.parametrize("max_bin", [4, 256])
def test_number_of_bins_is_the_plan_s(two_workers, max_bin):
    boosted = on_cluster(two_workers, make_rows(), plan=make_plan(max_bin=max_bin))

    booster = xgb.Booster(model_file=bytearray(boosted.model))
    points = set(booster.trees_to_dataframe().query("Feature == 'length'")["Split"])
    assert (len(points) <= 4) == (max_bin == 4)


def test_fewer_rows_than_workers_are_enough(two_workers):
    rows = make_rows(count=1, pieces=1)

    assert on_cluster(two_workers, rows, make_rows("test", count=40), plan=make_plan(2)).history["test"]


def test_what_xgboost_says_on_a_worker_is_one_line(two_workers):
    with pytest.raises(PipelineError, match=r"XGBoost failed on a worker of the Dask cluster: .*num_class") as caught:
        on_cluster(two_workers, make_rows(), plan=make_plan(objective="multi:softprob", num_class=0))
    assert "\n" not in str(caught.value) and caught.value.exit_code == 1
