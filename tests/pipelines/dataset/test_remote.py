import socket
from pathlib import Path

import pytest

from pipelines.config.settings import Settings
from pipelines.dataset.pointer import load_pointer
from pipelines.dataset.remote import Remote
from pipelines.errors import AlteredData, MissingData, Unreachable

CURRENT = Path("pipelines/data/current.yaml")
TARGET = Path("pipelines/work/raw/trees.csv")


@pytest.fixture
def pointer(pushed):
    return load_pointer(CURRENT)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stored(pointer):
    return Path("remote/files/md5") / pointer.md5[:2] / pointer.md5[2:]


def test_pushed_file_is_fetched(pointer, settings):
    sha256 = Remote(settings).fetch(pointer, TARGET)

    assert TARGET.stat().st_size == pointer.size_bytes
    assert len(sha256) == 64


def test_remote_reports_existing_objects(pointer, settings):
    assert Remote(settings).has(pointer)

    stored(pointer).unlink()

    assert not Remote(settings).has(pointer)


def test_altered_file_is_not_pushed(pointer, settings, tmp_path):
    (tmp_path / "other.csv").write_text("other")

    with pytest.raises(AlteredData):
        Remote(settings).push(pointer, tmp_path / "other.csv")


def test_missing_object_is_reported_with_how_to_push(pointer, settings):
    text = CURRENT.read_text().replace(pointer.md5, "f" * 32)
    CURRENT.resolve().write_text(text)

    with pytest.raises(MissingData, match=r"no object f{32}.*espalier data push"):
        Remote(settings).fetch(load_pointer(CURRENT), TARGET)


def test_corrupt_object_is_rejected_and_the_target_unchanged(pointer, settings):
    TARGET.parent.mkdir(parents=True)
    TARGET.write_text("what was there")
    stored(pointer).chmod(0o644)
    stored(pointer).write_bytes(b"x" * pointer.size_bytes)

    with pytest.raises(AlteredData, match="push the data again"):
        Remote(settings).fetch(pointer, TARGET)

    assert TARGET.read_text() == "what was there"
    assert [path.name for path in TARGET.parent.iterdir()] == ["trees.csv"]


def test_unavailable_remote_is_reported_within_the_retry_budget(pointer, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "top-secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    unavailable = Settings(
        remote_url="s3://bucket/data", s3_endpoint_url=f"http://127.0.0.1:{free_port()}", remote_retries=1
    )

    with pytest.raises(Unreachable, match=r"s3://bucket/data did not answer in 2 attempts") as caught:
        Remote(unavailable).fetch(pointer, TARGET)

    assert "top-secret" not in str(caught.value)


def test_folder_without_dvc_is_reported(pointer, settings, tmp_path):
    (tmp_path / "bare").mkdir()
    (tmp_path / ".dvc/config").unlink()
    (tmp_path / ".dvc").rename(tmp_path / "gone")

    with pytest.raises(MissingData, match="not a DVC project"):
        Remote(settings, tmp_path / "bare").fetch(pointer, TARGET)


@pytest.mark.s3
def test_push_and_fetch_on_an_s3_server(pointer, settings, s3):
    local = Remote(settings)
    local.fetch(pointer, TARGET)
    local.forget(pointer)
    on_s3 = Remote(Settings(remote_url="s3://data/tables", s3_endpoint_url=s3, remote_retries=0))

    assert not on_s3.has(pointer)
    on_s3.push(pointer, TARGET)
    assert on_s3.has(pointer)
    on_s3.forget(pointer)
    TARGET.unlink()
    on_s3.fetch(pointer, TARGET)

    assert TARGET.stat().st_size == pointer.size_bytes


@pytest.mark.s3
def test_missing_object_on_s3_is_missing_not_unreachable(pointer, s3):
    on_s3 = Remote(Settings(remote_url="s3://data/tables", s3_endpoint_url=s3, remote_retries=0))

    with pytest.raises(MissingData, match="espalier data push"):
        on_s3.fetch(pointer, TARGET)
