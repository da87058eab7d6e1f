"""Which version scores, while aliases move."""

import json

import pyarrow.parquet as pq
import pytest

from bundle import MissingFile, UnsafeName, WrongIdentity, load_public_keys
from bundle.vocabulary import CHAMPION
from pipelines.config.settings import Settings
from pipelines.errors import InvalidParams, MissingData, OutputConflict, RegistryFailure
from pipelines.registry.versions import Version
from pipelines.scoring.models import FolderModel, RegistryModel
from pipelines.scoring.partitions import find_tables
from pipelines.scoring.run import Options, run_scoring


class Stored:
    """A registry with versions of orchard; the real one has its own tests."""

    def __init__(self, make_bundle):
        self._make, self.aliases = make_bundle, {CHAMPION: "7"}

    def version_of(self, _name, alias):
        return self.aliases.get(alias)

    def version(self, name, number):
        return Version(name, number, "run", 0.0, {}, ())

    def download_bundle(self, version, folder):
        return self._make(folder, version=version.number)


@pytest.fixture
def registry(make_bundle):
    return Stored(make_bundle)


@pytest.fixture
def run(registry, keys):
    def run(source, target, version=CHAMPION):
        settings = Settings(public_key_files=str(keys.public))
        model = RegistryModel(registry, settings, "orchard", version)
        tables = find_tables(str(source), str(target), settings)
        return run_scoring(tables, model, settings, Options(), lambda _rows, _share: None)

    return run


def versions(folder):
    return {name: set(pq.read_table(folder / name)["model_version"].to_pylist()) for name in ("a.parquet", "b.parquet")}


def test_interrupted_run_continues_with_the_version_that_was_the_champion(run, registry, folder, tmp_path):
    run(folder, tmp_path / "scored")
    (tmp_path / "scored/b.parquet").unlink()
    registry.aliases[CHAMPION] = "8"

    summary = run(folder, tmp_path / "scored")

    assert versions(tmp_path / "scored") == {"a.parquet": {"7"}, "b.parquet": {"7"}}
    assert (summary.run.model.version, summary.newer_version) == ("7", "8")


def test_finished_run_is_not_taken_for_one_of_the_new_champion(run, registry, folder, tmp_path):
    run(folder, tmp_path / "scored")
    registry.aliases[CHAMPION] = "8"

    with pytest.raises(OutputConflict, match="is finished, with orchard version 7, but version 8 is meant now"):
        run(folder, tmp_path / "scored")


def test_run_that_was_killed_before_its_report_is_finished(run, registry, folder, tmp_path):
    run(folder, tmp_path / "scored")
    (tmp_path / "scored/_drift.json").unlink()
    registry.aliases[CHAMPION] = "8"

    assert run(folder, tmp_path / "scored").drift["rows"] == 603
    assert (tmp_path / "scored/_drift.json").exists()


def test_named_version_is_not_replaced_by_another_one(run, folder, tmp_path):
    run(folder, tmp_path / "scored", "7")

    with pytest.raises(OutputConflict, match="orchard version 7, now orchard version 8"):
        run(folder, tmp_path / "scored", "8")


def test_model_without_a_champion(run, registry, table, tmp_path):
    registry.aliases.clear()

    with pytest.raises(RegistryFailure, match="orchard has no champion; list its versions with: espalier models"):
        run(table, tmp_path / "scored.parquet")


@pytest.mark.parametrize("version", ["newest", "-1", "7.0", ""])
def test_version_that_is_none(run, table, tmp_path, version):
    with pytest.raises(InvalidParams, match="use a number, or one of champion, challenger, previous"):
        run(table, tmp_path / "scored.parquet", version)


def test_zero_is_no_version(run, table, tmp_path):
    with pytest.raises(UnsafeName):
        run(table, tmp_path / "scored.parquet", "0")


def test_bundle_in_a_folder_is_the_version_that_it_is_signed_for(bundle_folder, keys):
    model = FolderModel(bundle_folder, load_public_keys([keys.public]))

    assert model.resolve() == "7" and not model.is_alias
    assert model.load("7").manifest.identity.version == "7"
    with pytest.raises(WrongIdentity):
        model.load("8")


def test_folder_without_a_bundle(tmp_path, keys, bundle_folder):
    trusted = load_public_keys([keys.public])
    with pytest.raises(MissingData, match="has no bundle: cannot read manifest"):
        FolderModel(tmp_path, trusted).resolve()
    (bundle_folder / "model.ubj").unlink()
    with pytest.raises(MissingFile, match="missing files in the bundle: model"):
        FolderModel(bundle_folder, trusted).load("7")
    (bundle_folder / "manifest.json").write_text(json.dumps({"format": 1}))
    with pytest.raises(MissingData, match="is not the manifest of a bundle of this release"):
        FolderModel(bundle_folder, trusted).resolve()
