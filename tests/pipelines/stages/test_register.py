import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb

from bundle import (
    AlteredBundle,
    UnsignedBundle,
    WrongIdentity,
    load_private_key,
    load_public_keys,
    read_bundle,
)
from bundle.vocabulary import CHALLENGER, CHAMPION, PREVIOUS
from evaluation.evaluator import VERIFIED
from evaluation.examination import examine
from pipelines.config.params import load_params
from pipelines.config.settings import load_settings
from pipelines.dataset.files import GATE_JSON, TEST, TRAIN, read_json, read_prepared
from pipelines.errors import AlteredData, InvalidParams, RolloutFailed
from pipelines.model import served_rows
from pipelines.model.golden_rows import record_golden_rows
from pipelines.model.matrix import encode, labels
from pipelines.model.measure import predict
from pipelines.model.trained import read_model
from pipelines.registry.champion import read_version
from pipelines.stages import register
from tests.saved_project import saving
from tests.small_project import binary, connected_project, edit_params, run_candidate


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


@pytest.fixture(scope="module")
def saved(tmp_path_factory, mlflow, keys):
    """A project whose first, weak version is champion; and the same with a better candidate, not yet registered."""
    project = tmp_path_factory.mktemp("saved") / "project"

    def saving_as(name):
        return saving(project, mlflow.artifacts, tmp_path_factory.mktemp(name))

    with connected_project(project, mlflow.uri, keys.private), saving_as("better") as better:
        with saving_as("champion") as champion:
            run_candidate(max_depth=1, eta=0.05)
            register.main()
        run_candidate(max_depth=4, eta=0.3)
    return {"champion": champion, "better": better}


@pytest.fixture
def champion(saved, project, registry):
    saved["champion"].restore(project)
    return registry.version(load_params().register_.model_name, "1")


@pytest.fixture
def better(saved, project, registry):
    saved["better"].restore(project)


def test_first_good_model_becomes_champion(champion, registry, name):
    assert aliases(registry, name) == {CHAMPION: "1", CHALLENGER: None, PREVIOUS: None}
    assert champion.tags["gate"] == "passed"
    assert champion.tags["rollout"] == "complete"
    assert read_json(Path("pipelines/work/register.json"), stage="register")["version"] == "1"


def test_bundle_is_signed_and_has_its_lineage(champion, registry, keys, tmp_path):
    registry.download_bundle(champion, tmp_path / "download")

    bundle = read_bundle(
        tmp_path / "download", expected=champion.identity, trusted_keys=load_public_keys([keys.public])
    )

    lineage = bundle.manifest.lineage
    assert lineage.run_id == champion.run_id
    assert lineage.git_commit == "c0ffee"
    assert lineage.data_md5 == champion.tags["data_md5"]
    trained = read_prepared(TRAIN)["seen"]
    assert lineage.data_until == trained.max().tz_localize("UTC") < read_prepared(TEST)["seen"].min().tz_localize("UTC")
    assert lineage.data_from == trained.min().tz_localize("UTC")
    assert lineage.trained_rows == len(trained)
    assert not bundle.metrics.final_fit
    assert bundle.golden_rows.rows.shape == (10_000, len(bundle.contract.features))
    assert set(lineage.libraries) >= {"xgboost-cpu", "pandas"}


def test_version_whose_golden_rows_are_altered_on_the_way_is_not_uploaded(candidate, registry, name, monkeypatch):
    candidate()
    write = register.write_bundle

    def write_other(folder, *, golden_rows, **parts):
        margins = golden_rows.margins.copy()
        margins[0] = np.nextafter(margins[0], np.float32(0))
        write(folder, golden_rows=replace(golden_rows, margins=margins), **parts)

    monkeypatch.setattr(register, "write_bundle", write_other)

    with pytest.raises(AlteredData, match="golden rows in the bundle are not the ones that were written"):
        register.main()
    assert registry.version(name, "1").is_uploading
    assert aliases(registry, name)[CHAMPION] is None


def test_version_that_the_api_would_answer_differently_is_not_uploaded(candidate, registry, name, monkeypatch):
    candidate()
    encode = served_rows.encode_served

    def shifted(rows, contract):
        matrix = encode(rows, contract)
        matrix[0, 0] += 1
        return matrix

    monkeypatch.setattr(served_rows, "encode_served", shifted)

    with pytest.raises(AlteredData, match="encode test row 1 differently"):
        register.main()
    assert registry.version(name, "1").is_uploading
    assert aliases(registry, name)[CHAMPION] is None


def test_same_model_gives_the_same_golden_rows(champion, registry, tmp_path):
    _, contract = read_model()
    registry.download_bundle(champion, tmp_path)

    recorded = record_golden_rows((tmp_path / "model.ubj").read_bytes(), contract).to_bytes()

    assert (tmp_path / "golden_rows.safetensors").read_bytes() == recorded


def test_champion_of_an_earlier_format_is_compared_with(champion, candidate, registry, name, keys, monkeypatch):
    download = registry.download_bundle

    def download_older(self, version, folder, *names):
        found = download(version, folder, *names)
        if version.number == "1" and not names:
            make_older(folder, keys)
        return found

    monkeypatch.setattr(type(registry), "download_bundle", download_older)
    candidate(max_depth=4, eta=0.3)

    assert "version 2 passed the gate and is champion" in register.main()


def make_older(folder, keys):
    (folder / "golden_rows.safetensors").unlink()
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["golden_rows.safetensors"]
    content = json.dumps(manifest | {"format": 2}).encode()
    (folder / "manifest.json").write_bytes(content)
    (folder / "manifest.sig").write_bytes(load_private_key(keys.private).sign(content))


def test_better_model_becomes_champion(better, registry, name):
    summary = register.main()

    assert "version 2 passed the gate and is champion" in summary
    assert aliases(registry, name) == {CHAMPION: "2", CHALLENGER: None, PREVIOUS: "1"}


def test_worse_model_is_rejected_and_not_signed(better, candidate, registry, name, keys, tmp_path):
    register.main()
    candidate(max_depth=1, eta=0.01)

    summary = register.main()

    assert "version 3 was rejected by the gate, the champion stays" in summary
    assert aliases(registry, name) == {CHAMPION: "2", CHALLENGER: None, PREVIOUS: "1"}
    assert registry.version(name, "3").tags["gate.verdict"] == "worse"
    assert "champion (version 2) on the same rows" in registry.version(name, "3").tags["gate.reasons"]
    assert not json.loads(Path("pipelines/work/gate.json").read_text())["passed"]
    with pytest.raises(UnsignedBundle):
        read_bundle(
            Path("pipelines/work/bundle"),
            expected=registry.version(name, "3").identity,
            trusted_keys=load_public_keys([keys.public]),
        )


def test_verdict_is_in_tags_and_in_the_run(better, registry, name, capsys):
    assert registry.version(name, "1").tags["gate.verdict"] == "first"
    capsys.readouterr()

    register.main()

    version = registry.version(name, "2")
    assert (version.tags["gate.verdict"], version.tags["gate.comparison"]) == ("better", "1")
    assert 0 < float(version.tags["gate.gain_from"]) < float(version.tags["gate.gain"])
    assert registry.version(name, "1").tags["gate.comparisons"] == "1"
    stored = registry._client.list_artifacts(version.run_id, "gate/2")
    assert [entry.path for entry in stored] == ["gate/2/gate.html", "gate/2/gate.json"]
    printed = capsys.readouterr().err
    assert "verdict: better, passed\n" in printed
    assert "\n  comparison           number 1 with this champion\n" in printed
    assert "\x1b" not in printed


def test_retry_is_no_further_comparison_and_other_work_is(better, registry, name, monkeypatch):
    kind = type(registry)
    real = kind.upload_bundle

    def dying(*_arguments):
        raise Killed

    monkeypatch.setattr(kind, "upload_bundle", dying)
    with pytest.raises(Killed):
        register.main()
    monkeypatch.setattr(kind, "upload_bundle", real)
    with pytest.raises(RolloutFailed):
        register.main(Refusing())
    with pytest.raises(RolloutFailed):
        register.main(Refusing())
    assert registry.version(name, "2").tags["gate.comparison"] == "1"
    assert registry.version(name, "1").tags["gate.comparisons"] == "1"
    edit_params("min_roc_auc: 0.6", "min_roc_auc: 0.61")

    with pytest.raises(RolloutFailed):
        register.main(Refusing())

    assert registry.version(name, "3").tags["gate.comparison"] == "2"
    assert registry.version(name, "1").tags["gate.comparisons"] == "2"


def test_equal_model_of_newer_data_passes_if_the_policy_says_so(champion, candidate, make, registry, name):
    """The table has grown by rows that are tested on; the model learns from the same kind of rows as before."""
    edit_params("min_improvement: 0.0", "min_improvement: 0.0, replace_when: better_or_newer, max_loss: 0.1")
    candidate(make(800), max_depth=1, eta=0.05)

    assert "version 2 passed the gate and is champion" in register.main()
    assert registry.version(name, "2").tags["gate.verdict"] == "not_worse"


def test_floor_also_rejects_the_first_model(candidate, registry, name):
    path = Path("pipelines/params.yaml")
    path.write_text(path.read_text().replace("min_roc_auc: 0.6", "min_roc_auc: 1.0"))
    candidate()

    assert "rejected" in register.main()
    assert aliases(registry, name)[CHAMPION] is None


def test_registering_again_changes_nothing(better, registry, name):
    register.main()
    before = aliases(registry, name)

    summary = register.main()

    assert "is champion" in summary
    assert aliases(registry, name) == before
    assert len(registry.versions(name)) == 2


def test_replaced_model_is_not_promoted_again(better, candidate, registry, name):
    register.main()
    candidate(max_depth=1, eta=0.05)

    summary = register.main()

    assert "espalier promote 1" in summary
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


@pytest.mark.parametrize(("writes", "compared_with"), [(1, "1"), (2, "2")])
def test_killed_promotion_of_other_work_is_settled_before_the_comparison(
    better, registry, name, monkeypatch, writes, compared_with
):
    """Of its alias writes only the first, challenger, or also the second, previous, has been done."""
    kind, left = type(registry), iter(range(writes))
    real = kind.set_alias

    def dying(*arguments):
        if next(left, None) is None:
            raise Killed
        real(*arguments)

    monkeypatch.setattr(kind, "set_alias", dying)
    with pytest.raises(Killed):
        register.main()
    monkeypatch.setattr(kind, "set_alias", real)
    assert aliases(registry, name)[CHALLENGER] == "2"
    edit_params("min_roc_auc: 0.6", "min_roc_auc: 0.61")

    register.main()

    assert registry.version(name, "3").tags["gate.compared_with"] == compared_with
    assert aliases(registry, name)[CHALLENGER] is None


def test_another_machine_completes_a_killed_run(better, registry, name):
    register.main()
    verdict = json.loads(Path("pipelines/work/gate.json").read_text())
    Path("pipelines/work/gate.json").unlink()

    register.main()

    assert json.loads(Path("pipelines/work/gate.json").read_text()) == verdict
    assert len(registry.versions(name)) == 2


def test_run_killed_before_registration_is_repeated(better, registry, name, monkeypatch):
    real = type(registry).create_version

    def dying(*_arguments, **_named):
        raise Killed

    monkeypatch.setattr(type(registry), "create_version", dying)
    with pytest.raises(Killed):
        register.main()
    monkeypatch.setattr(type(registry), "create_version", real)

    register.main()

    assert aliases(registry, name)[CHAMPION] == "2"


def test_failed_rollout_changes_nothing(better, registry, name):
    rollout = Refusing()

    with pytest.raises(RolloutFailed, match="version 1 keeps serving"):
        register.main(rollout)

    assert rollout.asked == ["2"]
    assert rollout.went_back_to == ["1"]
    assert aliases(registry, name) == {CHAMPION: "1", CHALLENGER: None, PREVIOUS: None}
    assert registry.version(name, "2").tags["rollout"] == "failed"


def files_of(mlflow, version):
    folder = mlflow.artifacts / version.source.removeprefix("mlflow-artifacts:/")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_changed_gate_registers_a_new_version_and_keeps_the_champions_files(
    champion, registry, name, mlflow, keys, tmp_path
):
    before = files_of(mlflow, champion)
    edit_params("min_roc_auc: 0.6", "min_roc_auc: 0.99")

    assert "version 2 was rejected by the gate" in register.main()

    assert registry.version(name, "2").run_id == champion.run_id
    assert files_of(mlflow, champion) == before
    assert "manifest.sig" not in files_of(mlflow, registry.version(name, "2"))
    registry.download_bundle(champion, tmp_path / "download")
    trusted = load_public_keys([keys.public])
    manifest = read_bundle(tmp_path / "download", expected=champion.identity, trusted_keys=trusted).manifest
    assert (manifest.identity.name, manifest.identity.version) == (name, "1")
    assert (manifest.verdict.passed, manifest.verdict.champion_version) == (True, None)


def test_champion_with_the_bundle_of_another_version_is_rejected(better, registry, name, mlflow):
    register.main()
    registry.set_alias(name, CHAMPION, "1")
    first, second = (
        mlflow.artifacts / registry.version(name, n).source.removeprefix("mlflow-artifacts:/") for n in "12"
    )
    for path in second.iterdir():
        (first / path.name).write_bytes(path.read_bytes())
    edit_params("min_roc_auc: 0.6", "min_roc_auc: 0.61")

    with pytest.raises(WrongIdentity, match=r"signed for .* version 2"):
        register.main()


def test_altered_bundle_is_not_promoted(better, registry, name, mlflow, monkeypatch):
    with pytest.raises(RolloutFailed):
        register.main(Refusing())
    folder = mlflow.artifacts / registry.version(name, "2").source.removeprefix("mlflow-artifacts:/")
    (folder / "model.ubj").write_bytes(b"x")
    rollout = Refusing()

    with pytest.raises(AlteredBundle):
        register.main(rollout)

    assert rollout.asked == []
    assert aliases(registry, name) == {CHAMPION: "1", CHALLENGER: None, PREVIOUS: None}


@pytest.mark.parametrize("step", ["upload_bundle", "complete_version"])
@pytest.mark.parametrize("after", [False, True])
def test_killed_between_registration_and_completion_the_same_version_is_completed(
    better, registry, name, monkeypatch, mlflow, step, after
):
    kind = type(registry)
    real = getattr(kind, step)

    def dying(self, *arguments):
        if after:
            real(self, *arguments)
        raise Killed

    monkeypatch.setattr(kind, step, dying)
    with pytest.raises(Killed):
        register.main()
    assert aliases(registry, name) == {CHAMPION: "1", CHALLENGER: None, PREVIOUS: None}
    completed = step == "complete_version" and after
    assert registry.version(name, "2").tags["bundle"] == ("complete" if completed else "uploading")
    monkeypatch.setattr(kind, step, real)

    register.main()

    assert aliases(registry, name) == {CHAMPION: "2", CHALLENGER: None, PREVIOUS: "1"}
    assert [version.number for version in registry.versions(name)] == ["2", "1"]
    runs = registry._client.search_runs([registry._experiment(name)])
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_lost_race_is_judged_anew_against_the_new_champion(better, registry, name, mlflow):
    with pytest.raises(RolloutFailed):
        register.main(Refusing())
    lost = files_of(mlflow, registry.version(name, "2"))
    edit_params("min_roc_auc: 0.6", "min_roc_auc: 0.61")  # another run's work is champion meanwhile
    assert "version 3 passed the gate and is champion" in register.main()
    edit_params("min_roc_auc: 0.61", "min_roc_auc: 0.6")

    summary = register.main()

    assert "version 4 was rejected by the gate" in summary, "it is as good as the new champion, and no better"
    again = registry.version(name, "4")
    assert again.tags["gate.compared_with"] == "3"
    assert registry.version(name, "2").tags["superseded_by"] == "4"
    assert files_of(mlflow, registry.version(name, "2")) == lost
    register.main()
    assert len(registry.versions(name)) == 4


def test_rejected_model_is_judged_once_per_champion(better, candidate, registry, name):
    register.main()
    candidate(max_depth=2, eta=0.1)
    assert "version 3 was rejected" in register.main()
    assert "version 3 was rejected" in register.main(), "nothing has changed"
    registry.set_alias(name, CHAMPION, "1")

    assert "version 4 passed the gate and is champion" in register.main()

    assert registry.version(name, "4").tags["gate.compared_with"] == "1"
    assert registry.version(name, "3").tags["superseded_by"] == "4"
    registry.set_alias(name, CHAMPION, "2")
    assert "was champion before" in register.main()
    assert len(registry.versions(name)) == 4


def test_calibrated_model_is_registered_and_served_as_any_other(candidate, registry, keys, name, tmp_path):
    path = Path("pipelines/params.yaml")
    changed = (
        "rounds: 40, early_stopping: {rounds: 3, validation_share: 0.25}, calibrate: true, class_weights: {bearing: 3}"
    )
    text = path.read_text().replace("rounds: 15", changed)
    path.write_text(text.replace("threshold: 0.4", "threshold: {false_positive: 1, false_negative: 2}"))
    candidate()

    register.main()

    version = registry.version(name, "1")
    registry.download_bundle(version, tmp_path / "download")
    bundle = read_bundle(tmp_path / "download", expected=version.identity, trusted_keys=load_public_keys([keys.public]))
    assert examine(bundle) == VERIFIED
    assert bundle.metrics.calibration.slope > 0
    assert bundle.metrics.early_stopping.rounds <= 40
    assert bundle.metrics.costs.cost <= bundle.metrics.costs.base_cost
    assert bundle.contract.target.threshold == bundle.metrics.costs.threshold == pytest.approx(1 / 3)


def test_final_fit_is_registered_and_marked_in_the_metrics(candidate, registry, keys, name, tmp_path):
    path = Path("pipelines/params.yaml")
    path.write_text(path.read_text().replace("rounds: 15", "rounds: 15, final_fit: true"))
    candidate()

    register.main()

    version = registry.version(name, "1")
    registry.download_bundle(version, tmp_path / "download")
    trusted = load_public_keys([keys.public])
    bundle = read_bundle(tmp_path / "download", expected=version.identity, trusted_keys=trusted)
    lineage = bundle.manifest.lineage
    assert bundle.metrics.final_fit
    assert bundle.model == Path("pipelines/work/model.ubj").read_bytes()
    assert bundle.model != Path("pipelines/work/measured.ubj").read_bytes()
    assert lineage.trained_rows == len(read_prepared(TRAIN)) + len(read_prepared(TEST))
    assert lineage.data_until == read_prepared(TEST)["seen"].max().tz_localize("UTC")


def test_champion_that_cannot_read_the_data_is_reported(champion, candidate, make, registry, name):
    path = Path("pipelines/schema.yaml")
    path.write_text(path.read_text().replace("  - {name: age, type: int, minimum: 0, maximum: 300}\n", ""))
    candidate(make().drop(columns="age"))

    assert "needs column(s) age" in register.main()
    assert aliases(registry, name)[CHAMPION] == "1"


def test_champion_encodes_rows_with_its_own_contract(champion, candidate, make, registry, name, settings):
    """Categories that are new since have codes of their own in the candidate's contract, and shift the champion's."""
    path = Path("pipelines/schema.yaml")
    path.write_text(path.read_text().replace("[apple, pear, plum, quince]", "[almond, apple, pear, plum, quince]"))
    table = make()
    table.loc[::50, "kind"] = "almond"
    candidate(table, max_depth=1, eta=0.05)
    theirs = registry.version(name, "1")
    bundle = read_version(registry, load_settings(), theirs)
    rows = read_prepared(TEST)
    _, contract = read_model()
    assert contract.features != bundle.contract.features
    probabilities = predict(_booster(bundle), encode(rows, bundle.contract))
    expected = binary(bundle.contract.target.threshold).score(labels(rows, binary()), probabilities)

    register.main()

    (check,) = [check for check in read_json(GATE_JSON, stage="register")["checks"] if "champion" in check["wanted"]]
    assert f"below {expected.log_loss:.4f}" in check["wanted"]


def _booster(bundle):
    booster = xgb.Booster()
    booster.load_model(bytearray(bundle.model))
    return booster


def test_resumed_promotion_marks_the_rollout_complete(better, registry, name, monkeypatch):
    kind = type(registry)
    real = kind.tag_version

    def dying(self, version, tags):
        if "rollout" in tags:
            raise Killed
        real(self, version, tags)

    monkeypatch.setattr(kind, "tag_version", dying)
    with pytest.raises(Killed):
        register.main()
    assert "rollout" not in registry.version(name, "2").tags
    monkeypatch.setattr(kind, "tag_version", real)

    register.main()

    assert registry.version(name, "2").tags["rollout"] == "complete"


def test_missing_signing_key_is_reported_with_how_to_create_it(candidate, monkeypatch):
    candidate()
    monkeypatch.delenv("PIPELINE_SIGNING_KEY_FILE")

    with pytest.raises(InvalidParams, match="espalier keys model"):
        register.main()


def test_mlflow_loader_gives_the_same_probabilities(champion, mlflow):
    import mlflow as client
    import pandas as pd

    booster, contract = read_model()
    rows = encode(read_prepared(TEST).head(20), contract).astype(np.float64)
    named = pd.DataFrame(rows, columns=[feature.name for feature in contract.features])

    client.set_tracking_uri(mlflow.uri)
    loaded = client.pyfunc.load_model(f"models:/{champion.name}@champion")

    np.testing.assert_allclose(loaded.predict(named), predict(booster, rows.astype(np.float32)), rtol=1e-6)
