import pytest

from espalier.certificates import issue_certificate
from pipelines.config.settings import Settings
from pipelines.dask_engine.attempts import train_on_cluster
from pipelines.dask_engine.connect import check_settings, connected
from pipelines.errors import InvalidParams, Unreachable
from tests.pipelines.dask_engine.clusters import Cluster, make_plan, make_rows

NOBODY = "tcp://127.0.0.1:9"


def test_missing_address_says_what_to_set():
    with pytest.raises(InvalidParams, match=r"train\.engine is dask .* set it to the address .* scheduler"):
        check_settings(Settings())


def test_missing_file_is_named(tmp_path):
    files = dict.fromkeys(("dask_ca_file", "dask_cert_file", "dask_key_file"), tmp_path / "none.pem")

    with pytest.raises(InvalidParams, match=r"PIPELINE_DASK_CA_FILE: .*none\.pem does not exist"):
        check_settings(Settings(dask_address="tls://127.0.0.1:9", **files))


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)

    with pytest.raises(InvalidParams, match=r"package distributed is not installed: install espalier\[dask"):
        check_settings(Settings(dask_address=NOBODY))


def test_scheduler_that_does_not_answer_is_unreachable():
    settings = Settings(dask_address=NOBODY, dask_wait_seconds=1)

    with (
        pytest.raises(Unreachable, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9 .* within 1 s: "),
        connected(settings),
    ):
        pytest.fail("there is none")


def pem_files(folder):
    folder.mkdir()
    issued = issue_certificate("localhost", organization="Dask")
    files = {"ca-file": issued.authority, "cert": issued.chain, "key": issued.key}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in files}


def settings_of(files, **changes):
    return {
        "dask_ca_file": files["ca-file"],
        "dask_cert_file": files["cert"],
        "dask_key_file": files["key"],
        **changes,
    }


@pytest.fixture
def encrypted(tmp_path):
    files = pem_files(tmp_path / "theirs")
    cluster = Cluster(tmp_path, tls=files)
    yield cluster, files
    cluster.stop()


def test_training_over_tls(encrypted):
    cluster, files = encrypted
    cluster.add("one", "two")

    settings = cluster.settings(**settings_of(files))

    assert settings.dask_address.startswith("tls://")
    assert train_on_cluster(settings, [make_rows()], make_plan(), lambda *_: None).model


def test_certificate_of_another_authority_is_refused(encrypted, tmp_path):
    cluster, files = encrypted
    other = pem_files(tmp_path / "other")
    mixed = {**other, "ca-file": files["ca-file"]}

    for wrong in (other, mixed):
        settings = cluster.settings(**settings_of(wrong, dask_wait_seconds=2, dask_workers=1))
        with (
            pytest.raises(Unreachable, match="accepts the certificate of PIPELINE_DASK"),
            connected(settings),
        ):
            pytest.fail("it let a stranger in")
