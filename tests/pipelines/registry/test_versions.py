from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from bundle import UnsafeName
from pipelines.config.settings import Settings, load_settings
from pipelines.errors import RegistryFailure, Unreachable
from pipelines.registry.tracking import run_name
from pipelines.registry.versions import Registry


def test_unknown_name_has_no_versions(registry, name):
    assert registry.versions(name) == []
    assert registry.version_of(name, "champion") is None


def test_unknown_version_is_reported(registry, name):
    with pytest.raises(RegistryFailure, match="espalier models"):
        registry.version(name, "9")


def test_error_of_mlflow_is_reported(registry, name):
    with pytest.raises(RegistryFailure, match="refused to move an alias"):
        registry.set_alias(name, "champion", "1")


def test_unavailable_server_is_reported_within_the_retry_budget():
    unavailable = Registry(Settings(mlflow_tracking_uri="http://127.0.0.1:1", mlflow_retries=0))

    with pytest.raises(Unreachable, match="did not answer"):
        unavailable.check()


@pytest.fixture
def register(registry, name, mlflow):
    """Register an incomplete version of a run of its own."""
    import mlflow as package

    client = package.MlflowClient(tracking_uri=mlflow.uri)

    def run(**tags):
        run_id = client.create_run(registry._experiment(name)).info.run_id
        return registry.create_version(name, run_id=run_id, description="", tags=tags, version_description="")

    return run


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "upload").mkdir()
    (tmp_path / "upload/model.ubj").write_bytes(b"first")
    return tmp_path / "upload"


def stored(mlflow, version):
    return mlflow.artifacts / version.source.removeprefix("mlflow-artifacts:/") / "model.ubj"


def test_every_version_has_an_artifact_folder_of_its_own_even_of_one_run(registry, register, name):
    first = register()
    second = registry.create_version(name, run_id=first.run_id, description="", tags={}, version_description="")

    assert first.source != second.source
    assert first.run_id == second.run_id


def test_files_of_a_complete_version_are_never_written_again(registry, register, folder, mlflow):
    version = register()
    registry.upload_bundle(version, folder)
    complete = registry.complete_version(version)
    (folder / "model.ubj").write_bytes(b"second")

    for known in (version, complete):
        with pytest.raises(RegistryFailure, match="never written again"):
            registry.upload_bundle(known, folder)

    assert stored(mlflow, version).read_bytes() == b"first"


def test_folder_of_another_version_is_not_written(registry, register, folder, name, mlflow):
    version = register()
    registry.upload_bundle(version, folder)
    registry.complete_version(version)
    client, tags = registry._client, {"bundle": "uploading"}
    twin = client.create_model_version(name, version.source, version.run_id, tags=tags).version
    (folder / "model.ubj").write_bytes(b"second")

    with pytest.raises(RegistryFailure, match="also belongs to another version"):
        registry.upload_bundle(registry.version(name, str(twin)), folder)

    assert stored(mlflow, version).read_bytes() == b"first"


@pytest.mark.parametrize(
    "source", ["mlflow-artifacts:/../../x", "mlflow-artifacts:/1/other/artifacts", "file:///tmp/x"]
)
def test_folder_outside_the_run_is_neither_written_nor_deleted(registry, register, folder, monkeypatch, source):
    version = register()
    hostile = SimpleNamespace(**{**vars(registry._client.get_model_version(version.name, version.number))})
    listed = SimpleNamespace(
        name=version.name,
        version=version.number,
        run_id=version.run_id,
        creation_timestamp=1,
        tags=hostile._tags,
        source=source,
    )
    monkeypatch.setattr(registry._client, "search_model_versions", lambda _filter: [listed])

    with pytest.raises(UnsafeName):
        registry.upload_bundle(version, folder)
    with pytest.raises(UnsafeName):
        registry.delete_incomplete(registry.version(version.name, version.number))


def test_invalid_version_number_is_rejected(registry, name, monkeypatch):
    listed = SimpleNamespace(version="../../x")
    monkeypatch.setattr(registry._client, "search_model_versions", lambda _filter: [listed])

    with pytest.raises(UnsafeName, match="not a version number"):
        registry.versions(name)


def test_only_incomplete_versions_are_deleted(registry, register, folder, mlflow, name):
    complete, incomplete, empty = register(), register(), register()
    for version in (complete, incomplete):
        registry.upload_bundle(version, folder)
    complete = registry.complete_version(complete)

    for version in (incomplete, empty):
        registry.delete_incomplete(version)
    with pytest.raises(RegistryFailure, match="is complete"):
        registry.delete_incomplete(complete)

    assert [version.number for version in registry.versions(name)] == ["1"]
    assert stored(mlflow, complete).exists()
    assert not stored(mlflow, incomplete).exists()


def test_runs_are_named_for_model_data_and_time():
    at = datetime(2026, 11, 24, 23, 4, 59, tzinfo=UTC)

    assert run_name("flight-delay", "e01830ccded3", at) == "flight-delay e01830c 2026-11-24T23:04Z"


def test_concurrent_first_runs_share_experiment_and_model_name(connected, name):
    connections = [Registry(load_settings()) for _ in range(4)]

    def begin(registry):
        registry._make_name(name, "described")
        return registry._experiment(name)

    with ThreadPoolExecutor(len(connections)) as pool:
        assert len(set(pool.map(begin, connections))) == 1


@pytest.mark.parametrize(("error", "status"), [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")])
def test_failing_run_gets_a_final_status(registry, register, error, status):
    run_id = register().run_id

    with pytest.raises(error), registry.failing(run_id):
        raise error

    assert registry._client.get_run(run_id).info.status == status
    registry.finish_run(run_id)
    with pytest.raises(error), registry.failing(run_id):
        raise error
    assert registry._client.get_run(run_id).info.status == "FINISHED"
