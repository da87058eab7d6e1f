"""Fetch bundles from a real registry: accepted ones, refused ones, and an unavailable registry."""

import shutil
import socket

import pytest

from services.api.errors import BundleRefused, NoModelYet, RegistryUnreachable, StartupFailed


@pytest.fixture
def name(request):
    import hashlib

    return "orchard-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]


@pytest.fixture
def register(mlflow, make_bundle, name, tmp_path):
    """Register a folder as the next version, and point the alias to it; return the folder of its files on the server.

    ``signed_for`` says what the manifest names instead of this name and that number.
    """
    import mlflow as package

    client = package.MlflowClient(tracking_uri=mlflow.uri)

    def run(change=None, **signed_for):
        known = client.search_model_versions(f"name = '{name}'")
        own = {"name": name, "version": str(len(known) + 1)}
        folder = make_bundle(tmp_path / f"upload-{len(list(tmp_path.iterdir()))}", **(own | signed_for))
        if change:
            change(folder)
        experiment = client.get_experiment_by_name(name)
        run_id = client.create_run(
            experiment.experiment_id if experiment else client.create_experiment(name)
        ).info.run_id
        client.log_artifacts(run_id, str(folder), "bundle")
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        source = f"{client.get_run(run_id).info.artifact_uri}/bundle"
        version = client.create_model_version(name, source, run_id).version
        client.set_registered_model_alias(name, "champion", version)
        return mlflow.artifacts / source.removeprefix("mlflow-artifacts:/")

    return run


@pytest.fixture
def fetch(make_settings, fetch_with, mlflow, name):
    def run(**changes):
        return fetch_with(make_settings(**{"mlflow_tracking_uri": mlflow.uri, "model_name": name} | changes))

    return run


@pytest.fixture
def closed():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_alias_selects_the_version(register, fetch):
    register()
    register()

    served = fetch()

    assert (served.version, served.source) == ("2", "registry")
    assert {path.name for path in served.folder.iterdir()} == {
        "model.ubj",
        "contract.json",
        "reference.json",
        "metrics.json",
        "golden_rows.safetensors",
        "manifest.json",
        "manifest.sig",
    }


def test_requested_version_overrides_the_alias(register, fetch):
    register()
    register()

    assert fetch(model_version="1").version == "1"


def test_unknown_model_alias_and_version_are_reported(register, fetch):
    with pytest.raises(NoModelYet, match="registry has no model"):
        fetch()
    register()
    with pytest.raises(NoModelYet, match="no alias canary: no version has passed the gate"):
        fetch(model_alias="canary")
    with pytest.raises(StartupFailed, match=r"has no .* version 9"):
        fetch(model_version="9")


def test_byte_flipped_on_the_server_is_refused_and_named(register, fetch):
    model = register() / "model.ubj"
    content = bytearray(model.read_bytes())
    content[100] ^= 1
    model.write_bytes(content)

    with pytest.raises(BundleRefused, match=r"refused \(altered\): model\.ubj"):
        fetch()


def test_bundle_of_an_earlier_format_is_fetched(register, fetch):
    register(manifest_format=2)

    assert len(list(fetch().folder.iterdir())) == 6


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda folder: (folder / "manifest.sig").unlink(), "unsigned"),
        (lambda folder: (folder / "golden_rows.safetensors").unlink(), "missing_file"),
        (lambda folder: (folder / "model.pkl").write_bytes(b"x"), "unexpected_file"),
        (lambda folder: (folder / "reference.json").unlink(), "missing_file"),
        (lambda folder: (folder / "manifest.sig").write_bytes(b"0" * 64), "untrusted_signature"),
    ],
)
def test_invalid_bundle_is_refused_with_its_reason(register, fetch, change, reason):
    register(change)

    with pytest.raises(BundleRefused, match=rf"refused \({reason}\)"):
        fetch()


def test_too_large_bundle_is_refused(register, fetch):
    register()

    with pytest.raises(BundleRefused, match=r"refused \(too_large\)"):
        fetch(model_max_bytes=10)


def test_companion_files_are_not_downloaded(register, fetch):
    register(lambda folder: (folder / "MLmodel").write_text("loader_module: evil"))

    assert not (fetch().folder / "MLmodel").exists()


def test_last_verified_bundle_is_served_while_the_registry_is_unavailable(register, fetch, closed, caplog):
    register()
    fetch()

    served = fetch(mlflow_tracking_uri=closed)

    assert (served.version, served.source) == ("1", "cache")
    assert "last verified bundle" in caplog.text


def test_requested_version_is_served_from_the_cache(register, fetch, closed):
    register()
    register()
    fetch(model_version="1")
    fetch()

    assert fetch(mlflow_tracking_uri=closed, model_version="1").version == "1"


def test_no_cache_and_no_registry_is_reported(fetch, closed):
    with pytest.raises(RegistryUnreachable, match=r"did not answer .* there is no verified bundle"):
        fetch(mlflow_tracking_uri=closed)


def test_corrupt_cache_is_downloaded_again(register, fetch, closed):
    register()
    folder = fetch().folder
    (folder / "model.ubj").write_bytes(b"spoilt")

    with pytest.raises(StartupFailed, match="no verified bundle"):
        fetch(mlflow_tracking_uri=closed)
    assert fetch().folder == folder
    assert fetch(mlflow_tracking_uri=closed).source == "cache"


def test_refused_version_does_not_replace_the_cache(register, fetch, closed):
    register()
    fetch()
    register(lambda folder: (folder / "manifest.sig").unlink())

    with pytest.raises(BundleRefused, match="unsigned"):
        fetch()

    assert fetch(mlflow_tracking_uri=closed).version == "1"
    shutil.rmtree(fetch(model_version="1").folder)


@pytest.mark.parametrize("signed_for", [{"version": "1"}, {"name": "vineyard"}, {"name": "vineyard", "version": "1"}])
def test_signed_bundle_of_another_version_or_model_is_refused(register, fetch, closed, signed_for):
    register()
    register(**signed_for)

    with pytest.raises(BundleRefused, match=r"refused \(wrong_identity\)"):
        fetch()
    with pytest.raises(StartupFailed):
        fetch(mlflow_tracking_uri=closed)
    assert fetch(model_version="1").version == "1"


@pytest.mark.parametrize("other", [{"version": "1"}, {"name": "vineyard"}])
def test_cache_of_another_version_or_model_is_not_served(fetch, closed, name, make_bundle, tmp_path, other):
    own, folder = {"name": name, "version": "2"}, tmp_path / "cache" / name / "2"
    make_bundle(folder, **(own | other))

    with pytest.raises(StartupFailed, match="no verified bundle"):
        fetch(mlflow_tracking_uri=closed, model_version="2")
    make_bundle(folder, **own)
    assert fetch(mlflow_tracking_uri=closed, model_version="2").version == "2"


@pytest.mark.parametrize("note", ["", "[]", '{"version": "../../x"}', '{"version": 1e400}', '{"version": null}'])
def test_corrupt_last_good_file_is_ignored(register, fetch, closed, note):
    register()
    (fetch().folder.parent / "last-good.json").write_text(note)

    with pytest.raises(RegistryUnreachable, match="no verified bundle"):
        fetch(mlflow_tracking_uri=closed)
