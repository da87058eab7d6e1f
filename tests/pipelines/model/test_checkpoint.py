import json
import os

import numpy as np
import pytest
import xgboost as xgb
from packaging.version import Version

from bundle import Target
from pipelines.config.params import TrainParams
from pipelines.config.schema import ROW_HASH
from pipelines.dataset.rows import FrameRows
from pipelines.dataset.trained_rows import hash_model, hash_rows
from pipelines.model import checkpoint
from pipelines.model.boosting import train_booster
from pipelines.model.checkpoint import Checkpoints
from pipelines.model.early_stopping import divide, find_rounds
from pipelines.model.matrix import build_contract, example_row
from pipelines.stages.validate import check_table
from tests.small_project import project_of

ROUNDS, KILLED_IN = 9, 6
TARGETS = {
    "binary": Target(name="bears", classes=("bare", "bearing"), threshold=0.5),
    "multiclass": Target(name="grade", type="multiclass", classes=("low", "middle", "high")),
    "regression": Target(name="weight", type="regression"),
    "interval": Target(name="weight", type="regression", interval=0.9),
}
ALL = {}
BOTH = {"subsample": 0.8, "colsample_bytree": 0.5, "min_child_weight": 5}
EXACT = [
    *((kind, booster) for kind in TARGETS for booster in (ALL, BOTH)),
    ("binary", {"colsample_bylevel": 0.7, "colsample_bynode": 0.6}),
    ("binary", {"num_parallel_tree": 3, "subsample": 0.5, "colsample_bynode": 0.5}),
    ("regression", {"grow_policy": "lossguide", "max_leaves": 9, "max_depth": 0, "subsample": 0.5}),
    ("binary", {"tree_method": "hist", "num_parallel_tree": 2}),
    ("multiclass", {"booster": "dart", "rate_drop": 0.3}),
]
KEEPS_RANDOM_STATE = Version(xgb.__version__) >= Version("3.3")


class Killed(BaseException):
    """Like SIGKILL, it is handled by nobody."""


@pytest.fixture
def rows(make, schema, params):
    rows = check_table(make(900, every="1h").dropna(subset=["bears"]), schema, params.validate_)
    rows["weight"] = rows["height"].fillna(3) + rows["bears"] + rows["age"] / 7
    rows["grade"] = np.digitize(rows["weight"], [8, 16]).astype(float)
    rows[ROW_HASH] = hash_rows(rows, schema.columns)
    return rows


@pytest.fixture
def fit(rows, schema):
    """Train on the rows, or on others, in one go or until it is killed in a round."""
    all_rows = rows
    contract = build_contract(FrameRows(rows), project_of(schema), example=example_row(FrameRows(rows), schema))

    def run(checkpoint=None, *, rows=all_rows, kind="binary", killed_in=0, folder=None, **booster):
        of = contract.model_copy(update={"target": TARGETS[kind]})
        weights = "balanced" if TARGETS[kind].classes else None
        used = {"max_depth": 4} | booster
        params = TrainParams(seed=1, rounds=ROUNDS, threads=1, class_weights=weights, booster=used)
        params = params.model_copy(update={"external_memory": folder is not None})
        return train_booster(
            FrameRows(rows),
            of,
            schema,
            params,
            killing(killed_in),
            watched=FrameRows(rows[:200]),
            folder=folder,
            checkpoint=checkpoint,
        )

    return run


def killing(round_):
    done = 0

    def advance(_note=""):
        nonlocal done
        done += 1
        if done == round_:
            raise Killed

    return advance


@pytest.fixture
def every_round(tmp_path):
    """A checkpoint in every round."""
    return Checkpoints(tmp_path / "kept", 1e-9, ("commit",))


@pytest.fixture
def kill(fit, every_round):
    def run(**options):
        with pytest.raises(Killed):
            fit(every_round.of("measured"), killed_in=KILLED_IN, **options)
        return every_round.of("measured")

    return run


@pytest.fixture
def rarely(every_round):
    """The same checkpoints, of which this training writes none itself."""
    return Checkpoints(every_round.folder, 1e9, every_round.identity)


def is_random(booster):
    return checkpoint._is_random(booster)


@pytest.mark.filterwarnings("ignore:.*booster=dart. is deprecated")  # since 3.4
@pytest.mark.parametrize(("kind", "booster"), EXACT, ids=str)
def test_killed_and_repeated_training_gives_the_same_bytes_and_curve(fit, kill, rarely, capfd, kind, booster):
    whole = fit(kind=kind, **booster)
    kept = kill(kind=kind, **booster)
    if is_random(booster) and not KEEPS_RANDOM_STATE:
        assert not kept.path.exists(), "what cannot be continued exactly is not kept"
        return

    resumed = fit(rarely.of("measured"), kind=kind, **booster)

    assert f"goes on after round {KILLED_IN - 1} of {ROUNDS}" in capfd.readouterr().err
    assert hash_model(resumed.model) == hash_model(whole.model)
    assert resumed.curve == whole.curve
    assert resumed.rows == whole.rows


def test_the_same_with_the_matrix_in_files(fit, kill, rarely, tmp_path):
    booster = BOTH if KEEPS_RANDOM_STATE else ALL
    whole = fit(folder=tmp_path, **booster)
    kill(folder=tmp_path, **booster)

    assert hash_model(fit(rarely.of("measured"), folder=tmp_path, **booster).model) == hash_model(whole.model)


@pytest.mark.filterwarnings("ignore:.*manually specified the .updater")
@pytest.mark.parametrize("booster", [{"tree_method": "approx"}, {"updater": "grow_quantile_histmaker"}], ids=str)
def test_training_that_cannot_be_continued_exactly_is_not_kept(fit, every_round, booster):
    fit(every_round.of("measured"), **booster)

    assert not every_round.folder.exists()


def test_keeping_checkpoints_does_not_change_the_model(fit, every_round):
    assert fit(every_round.of("measured"), subsample=0.5).model == fit(subsample=0.5).model


def test_killed_twice(fit, kill, every_round, rarely):
    whole = fit().model
    kill()
    with pytest.raises(Killed):
        fit(every_round.of("measured"), killed_in=KILLED_IN + 2)

    assert fit(rarely.of("measured")).model == whole


def test_rounds_that_a_checkpoint_has_are_not_trained_again(fit, kill, rarely, monkeypatch):
    kill()
    update, trained = xgb.Booster.update, []
    monkeypatch.setattr(
        xgb.Booster, "update", lambda self, *given, **named: [trained.append(1), update(self, *given, **named)][1]
    )

    fit(rarely.of("measured"))

    assert len(trained) == ROUNDS - (KILLED_IN - 1)


def test_training_that_had_ended_is_not_trained_again(fit, every_round, rarely, monkeypatch):
    whole = fit(every_round.of("measured"))
    monkeypatch.setattr(xgb.Booster, "update", lambda *_, **__: pytest.fail("it trains"))

    again = fit(rarely.of("measured"))

    assert again.model == whole.model and again.curve == whole.curve


def test_checkpoint_of_another_training_is_deleted(fit, kill, rarely, capfd):
    kept = kill()

    other = fit(rarely.of("measured"), eta=0.05)

    assert "deleted the checkpoint" in (said := capfd.readouterr().err) and "belongs to another training" in said
    assert other.model == fit(eta=0.05).model
    assert not kept.path.exists()


def test_everything_that_decides_the_model_is_in_the_key(fit, kill, rarely, rows, capfd):
    """What is changed: another commit, another type of target, other rows, other labels, other weights."""

    def is_taken(checkpoints=rarely, **options):
        fit(checkpoints.of("measured"), **options)
        return "goes on" in capfd.readouterr().err

    kill()
    assert not is_taken(Checkpoints(rarely.folder, 1e9, ("another commit",)))
    kill()
    assert not is_taken(kind="multiclass")
    kill()
    assert not is_taken(rows=rows.assign(bears=rows["bears"].where(rows.index > 0, 1 - rows["bears"])))
    kill()
    assert not is_taken(rows=rows[:-1])
    kill()
    assert is_taken(), "and the number of threads is not"


def spoiled(content):
    return {
        "empty": b"",
        "half": content[: len(content) // 2],
        "one bit": content[:-20] + bytes([content[-20] ^ 1]) + content[-19:],
        "another file": b'{"half',
    }


@pytest.mark.parametrize("how", spoiled(bytes(100)))
def test_damaged_checkpoint_is_deleted(fit, kill, rarely, capfd, how):
    kept = kill()
    kept.path.write_bytes(spoiled(kept.path.read_bytes())[how])

    resumed = fit(rarely.of("measured"))

    assert "it is damaged" in capfd.readouterr().err
    assert resumed.model == fit().model
    assert not kept.path.exists()


def test_kill_while_a_checkpoint_is_written_leaves_the_last_one(fit, kill, every_round, rarely, monkeypatch):
    kept = kill()
    before = kept.path.read_bytes()

    def killed(_descriptor):
        raise Killed

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(Killed):
        fit(every_round.of("measured"))
    monkeypatch.undo()

    assert kept.path.read_bytes() == before
    assert fit(rarely.of("measured")).model == fit().model


def test_disk_that_takes_no_checkpoint_does_not_end_the_training(fit, every_round, capfd):
    every_round.folder.mkdir()
    every_round.folder.joinpath("measured.checkpoint.part").mkdir()  # root may write anywhere else

    assert fit(every_round.of("measured")).model == fit().model
    assert "no checkpoint: cannot write" in capfd.readouterr().err


def test_none_is_kept_if_they_are_off(tmp_path):
    assert Checkpoints(tmp_path, 0, ()).of("measured") is None


def test_only_checkpoints_are_removed(every_round):
    every_round.folder.mkdir()
    for name in ("measured.checkpoint", "search.checkpoint.part", "notes.txt"):
        (every_round.folder / name).touch()

    every_round.remove()

    assert [path.name for path in every_round.folder.iterdir()] == ["notes.txt"]
    (every_round.folder / "notes.txt").unlink()
    every_round.remove()
    assert not every_round.folder.exists()


@pytest.fixture
def search(trained):
    """Search the number of rounds of an example project, in one go or until it is killed in a round."""
    made = trained("penguins")
    window = made.project.params.train.model_copy(update={"rounds": 60, "booster": {"max_depth": 3, "eta": 0.3}})
    project = project_of(made.project.schema, made.project.params, train=window)

    def run(checkpoint=None, killed_in=0):
        from pipelines.config.train_params import EarlyStopping

        divided = divide(FrameRows(made.train), made.contract, project, EarlyStopping(rounds=5, validation_share=0.3))
        return find_rounds(divided, made.contract, project, killing(killed_in), checkpoint=checkpoint)

    return run


@pytest.mark.parametrize("waited", range(6), ids="after {} rounds without a gain".format)
def test_search_goes_on_with_its_patience(search, every_round, rarely, waited):
    whole = search()
    with pytest.raises(Killed):
        search(every_round.of("search"), killed_in=whole.stopped.rounds + waited)

    resumed = search(rarely.of("search"))

    assert resumed.stopped == whole.stopped
    assert resumed.curve == whole.curve
    assert resumed.booster.save_raw() == whole.booster.save_raw()


def test_search_that_had_ended_is_not_begun_again(search, every_round, rarely, monkeypatch):
    whole = search(every_round.of("search"))
    monkeypatch.setattr(xgb.Booster, "update", lambda *_, **__: pytest.fail("it searches"))

    again = search(rarely.of("search"))

    assert (again.stopped, again.curve) == (whole.stopped, whole.curve)


def test_it_is_readable_without_this_program(kill):
    digest, head, model = kill().path.read_bytes().split(b"\n", 2)

    assert len(digest) == 64
    assert json.loads(head)["rounds"] == KILLED_IN - 1
    booster = xgb.Booster()
    booster.load_model(bytearray(model))
    assert booster.num_boosted_rounds() == KILLED_IN - 1
