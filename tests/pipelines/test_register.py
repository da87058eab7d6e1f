import json
from pathlib import Path

import numpy as np
import pytest

from espalier.bundle import UnsignedBundle, load_public_keys, read_bundle
from pipelines import register
from pipelines.errors import InvalidParams, RegistryFailure, RolloutFailed
from pipelines.evaluate import predict, read_model
from pipelines.files import TEST, TRAIN, read_json, read_prepared
from pipelines.matrix import encode
from pipelines.promotion import CHALLENGER, CHAMPION, PREVIOUS


class Refusing:
    """A rollout in which the new version does not come up."""

    def __init__(self):
        self.asked, self.went_back_to = [], []

    def serve(self, number):
        self.asked.append(number)
        return False

    def go_back(self, number):
        self.went_back_to.append(number)


class Killed(BaseException):
    """The process ends here."""


def aliases(registry, name):
    return {alias: registry.version_of(name, alias) for alias in (CHAMPION, CHALLENGER, PREVIOUS)}


@pytest.fixture
def champion(candidate, registry, name):
    """A first, weak version."""
    candidate(max_depth=1, eta=0.05)
    register.main()
    return registry.version(name, "1")


@pytest.fixture
def better(champion, candidate):
    candidate(max_depth=4, eta=0.3)


def test_first_good_model_is_champion(champion, registry, name):
    assert aliases(registry, name) == {CHAMPION: "1", CHALLENGER: None, PREVIOUS: None}
    assert champion.tags["gate"] == "passed"
    assert champion.tags["rollout"] == "complete"
    assert read_json(Path("pipelines/work/register.json"), stage="register")["version"] == "1"


def test_bundle_of_the_version_is_signed_and_says_where_it_comes_from(champion, registry, keys, tmp_path):
    registry.download_bundle(champion, tmp_path / "download")

    bundle = read_bundle(tmp_path / "download", trusted_keys=load_public_keys([keys.public]))

    lineage = bundle.manifest.lineage
    assert lineage.run_id == champion.run_id
    assert lineage.git_commit == "c0ffee"
    assert lineage.data_md5 == champion.tags["data_md5"]
    trained = read_prepared(TRAIN)["seen"]
    assert lineage.data_until == trained.max().tz_localize("UTC") < read_prepared(TEST)["seen"].min().tz_localize("UTC")
    assert lineage.data_from == trained.min().tz_localize("UTC")
    assert lineage.trained_rows == len(trained)
    assert not bundle.metrics.final_fit
    assert set(lineage.libraries) >= {"xgboost-cpu", "pandas"}


def test_better_model_takes_over(better, registry, name):
    said = register.main()

    assert "version 2 passed the gate and is champion" in said
    assert aliases(registry, name) == {CHAMPION: "2", CHALLENGER: None, PREVIOUS: "1"}


def test_worse_model_changes_nothing_and_is_not_signed(better, candidate, registry, name, keys, tmp_path):
    register.main()
    candidate(max_depth=1, eta=0.01)

    said = register.main()

    assert "version 3 rejected by the gate, the champion stays" in said
    assert aliases(registry, name) == {CHAMPION: "2", CHALLENGER: None, PREVIOUS: "1"}
    assert "champion (version 2) on the same rows" in registry.version(name, "3").tags["gate.reasons"]
    assert not json.loads(Path("pipelines/work/gate.json").read_text())["passed"]
    with pytest.raises(UnsignedBundle):
        read_bundle(Path("pipelines/work/bundle"), trusted_keys=load_public_keys([keys.public]))


def test_floor_rejects_the_first_model_too(candidate, registry, name):
    path = Path("pipelines/params.yaml")
    path.write_text(path.read_text().replace("min_roc_auc: 0.6", "min_roc_auc: 1.0"))
    candidate()

    assert "rejected" in register.main()
    assert aliases(registry, name)[CHAMPION] is None


def test_registering_again_changes_nothing(better, registry, name):
    register.main()
    before = aliases(registry, name)

    said = register.main()

    assert "is champion" in said
    assert aliases(registry, name) == before
    assert len(registry.versions(name)) == 2


def test_model_that_was_replaced_does_not_come_back_by_itself(better, candidate, registry, name):
    register.main()
    candidate(max_depth=1, eta=0.05)

    said = register.main()

    assert "espalier promote 1" in said
    assert aliases(registry, name)[CHAMPION] == "2"


@pytest.mark.parametrize("write", ["set_alias", "remove_alias", "tag_version"])
@pytest.mark.parametrize("nth", [1, 2])
def test_killed_after_any_write_and_run_again_it_ends_the_same(better, registry, name, monkeypatch, write, nth):
    kind, count = type(registry), 0
    real = getattr(kind, write)

    def dying(self, *arguments):
        nonlocal count
        real(self, *arguments)
        count += 1
        if count == nth:
            raise Killed

    monkeypatch.setattr(kind, write, dying)
    try:
        register.main()
    except Killed:
        pass
    monkeypatch.setattr(kind, write, real)

    register.main()

    assert aliases(registry, name) == {CHAMPION: "2", CHALLENGER: None, PREVIOUS: "1"}
    assert len(registry.versions(name)) == 2


def test_another_machine_takes_up_what_a_killed_run_left(better, registry, name):
    register.main()
    told = json.loads(Path("pipelines/work/gate.json").read_text())
    Path("pipelines/work/gate.json").unlink()

    register.main()

    assert json.loads(Path("pipelines/work/gate.json").read_text()) == told
    assert len(registry.versions(name)) == 2


def test_killed_before_the_version_exists_and_run_again(better, registry, name, monkeypatch):
    real = type(registry).create_version

    def dying(*_arguments, **_named):
        raise Killed

    monkeypatch.setattr(type(registry), "create_version", dying)
    with pytest.raises(Killed):
        register.main()
    monkeypatch.setattr(type(registry), "create_version", real)

    register.main()

    assert aliases(registry, name)[CHAMPION] == "2"


def test_version_that_does_not_come_up_leaves_everything_as_it_was(better, registry, name):
    rollout = Refusing()

    with pytest.raises(RolloutFailed, match="version 1 serves on"):
        register.main(rollout)

    assert rollout.asked == ["2"]
    assert rollout.went_back_to == ["1"]
    assert aliases(registry, name) == {CHAMPION: "1", CHALLENGER: None, PREVIOUS: None}
    assert registry.version(name, "2").tags["rollout"] == "failed"


def test_champion_that_changed_meanwhile_makes_the_verdict_void(better, registry, name):
    rollout = Refusing()
    with pytest.raises(RolloutFailed):
        register.main(rollout)
    registry.set_alias(name, CHAMPION, "2")
    registry.tag_version(registry.version(name, "2"), {"gate.compared_with": "7", "rollout": "failed"})
    registry.set_alias(name, CHAMPION, "1")

    with pytest.raises(RegistryFailure, match="train again"):
        register.main()


def test_final_fit_is_what_is_registered_and_its_metrics_say_so(candidate, registry, keys, name, tmp_path):
    path = Path("pipelines/params.yaml")
    path.write_text(path.read_text().replace("rounds: 15", "rounds: 15, final_fit: true"))
    candidate()

    register.main()

    registry.download_bundle(registry.version(name, "1"), tmp_path / "download")
    bundle = read_bundle(tmp_path / "download", trusted_keys=load_public_keys([keys.public]))
    lineage = bundle.manifest.lineage
    assert bundle.metrics.final_fit
    assert bundle.model == Path("pipelines/work/model.ubj").read_bytes()
    assert bundle.model != Path("pipelines/work/measured.ubj").read_bytes()
    assert lineage.trained_rows == len(read_prepared(TRAIN)) + len(read_prepared(TEST))
    assert lineage.data_until == read_prepared(TEST)["seen"].max().tz_localize("UTC")


def test_champion_that_cannot_read_the_new_data_is_said(champion, candidate, make, registry, name):
    path = Path("pipelines/schema.yaml")
    path.write_text(path.read_text().replace("  - {name: age, type: int, minimum: 0, maximum: 300}\n", ""))
    candidate(make().drop(columns="age"))

    assert "needs column(s) age" in register.main()
    assert aliases(registry, name)[CHAMPION] == "1"


def test_missing_signing_key_is_said_with_the_way_to_make_one(candidate, monkeypatch):
    candidate()
    monkeypatch.delenv("PIPELINE_SIGNING_KEY_FILE")

    with pytest.raises(InvalidParams, match="espalier keys model"):
        register.main()


def test_mlflows_own_loader_gives_the_same_probabilities(champion, mlflow):
    import mlflow as client
    import pandas as pd

    booster, contract = read_model()
    rows = encode(read_prepared(TEST).head(20), contract).astype(np.float64)
    named = pd.DataFrame(rows, columns=[feature.name for feature in contract.features])

    client.set_tracking_uri(mlflow.uri)
    loaded = client.pyfunc.load_model(f"models:/{champion.name}@champion")

    np.testing.assert_allclose(loaded.predict(named), predict(booster, rows.astype(np.float32)), rtol=1e-6)
