import resource
import shutil
import socket
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from pipelines.config.settings import Settings
from pipelines.dataset.pointer import hash_file, load_pointer
from pipelines.dataset.remote import Remote
from pipelines.errors import AlteredData, DiskFull, MissingData, Unreachable
from tests.cutting_proxy import cutting_proxy

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


def test_half_an_object_in_the_cache_is_fetched_again(pointer, settings):
    remote = Remote(settings)
    remote.fetch(pointer, TARGET)
    cached = Path(".dvc/cache/files/md5") / pointer.md5[:2] / pointer.md5[2:]
    cached.chmod(0o600)
    cached.write_bytes(cached.read_bytes()[:100])

    remote.fetch(pointer, TARGET)

    assert TARGET.stat().st_size == cached.stat().st_size == pointer.size_bytes


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


@pytest.mark.parametrize("is_cached", [False, True])
def test_table_that_does_not_fit_is_refused_before_it_is_fetched(pointer, settings, is_cached):
    remote, total = Remote(settings), shutil.disk_usage(".").total
    if is_cached:
        remote.fetch(pointer, TARGET)
        TARGET.unlink()
    huge = replace(pointer, size_bytes=total + 1 if is_cached else total // 2 + 1)

    with pytest.raises(DiskFull, match=r"need [\d,]+ MiB, and .* has [\d,]+ MiB left"):
        remote.fetch(huge, TARGET)

    assert not TARGET.exists()


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


@pytest.fixture
def cut(s3, pointer, settings):
    """A remote on S3 that has the table, behind a proxy; and the proxy."""
    Remote(settings).fetch(pointer, TARGET)
    address = urlsplit(s3)
    with cutting_proxy((address.hostname, address.port)) as proxy:
        remote = Remote(Settings(remote_url="s3://data/tables", s3_endpoint_url=proxy.url, remote_retries=2))
        remote.push(pointer, TARGET)
        remote.forget(pointer)
        TARGET.unlink()
        yield remote, proxy


@pytest.mark.s3
def test_dropped_connections_are_tried_again(pointer, cut):
    remote, proxy = cut
    proxy.cuts = 3

    remote.fetch(pointer, TARGET)

    assert proxy.cut == 3
    assert TARGET.stat().st_size == pointer.size_bytes


@pytest.mark.slow
@pytest.mark.s3
def test_connections_that_are_always_dropped_end_the_budget_and_leave_nothing(pointer, cut, monkeypatch):
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    remote, proxy = cut
    proxy.cuts = -1

    with pytest.raises(Unreachable, match="did not answer in 3 attempts"):
        remote.fetch(pointer, TARGET)

    assert proxy.cut >= 3
    assert not list(TARGET.parent.glob("*"))
    proxy.cuts = 0
    remote.fetch(pointer, TARGET)
    assert TARGET.stat().st_size == pointer.size_bytes


@pytest.fixture
def impatient(cut):
    """The same remote with short time-outs, and the proxy."""
    settings = {"remote_retries": 1, "remote_timeout_seconds": 2, "remote_min_bytes_per_second": 1e6}
    _, proxy = cut
    return Remote(Settings(remote_url="s3://data/tables", s3_endpoint_url=proxy.url, **settings)), proxy


@pytest.mark.s3
@pytest.mark.parametrize("how", ["slow", "silent"])
def test_server_that_is_slow_or_silent_is_tried_again(pointer, impatient, how):
    remote, proxy = impatient
    setattr(proxy, how, 1)

    remote.fetch(pointer, TARGET)

    assert proxy.disturbed == 1
    assert TARGET.stat().st_size == pointer.size_bytes


@pytest.mark.slow
@pytest.mark.s3
@pytest.mark.parametrize("how", ["slow", "silent"])
def test_server_that_stays_slow_or_silent_ends_the_budget_and_leaves_nothing(pointer, impatient, how):
    remote, proxy = impatient
    setattr(proxy, how, -1)

    with pytest.raises(Unreachable, match="did not answer in 2 attempts"):
        remote.fetch(pointer, TARGET)

    assert 2 <= proxy.disturbed <= 6, "not their retries within ours"
    assert not list(TARGET.parent.glob("*"))
    assert not [path for path in Path(".dvc/cache").rglob("*") if path.is_file() and "files/md5" in str(path)]
    setattr(proxy, how, 0)
    remote.fetch(pointer, TARGET)
    assert TARGET.stat().st_size == pointer.size_bytes


@pytest.mark.s3
def test_push_to_a_silent_server_ends_within_the_budget(pointer, impatient, settings):
    remote, proxy = impatient
    Remote(settings).fetch(pointer, TARGET)
    other = TARGET.with_name("other.csv")
    other.write_text("other rows")
    pushed = replace(pointer, md5=hash_file(other)[0], size_bytes=other.stat().st_size)
    proxy.silent = -1

    with pytest.raises(Unreachable, match="did not answer in 2 attempts"):
        remote.push(pushed, other)


@pytest.mark.s3
def test_storage_that_is_full_is_reported_and_the_push_can_be_repeated(pointer, settings, s3, monkeypatch):
    """The server may write no file of more than 1 kB; it answers as if its disk were full."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    (server,) = [child for child in psutil.Process().children() if "versitygw" in child.name()]
    remote = Remote(Settings(remote_url="s3://data/tables", s3_endpoint_url=s3, remote_retries=1))
    Remote(settings).fetch(pointer, TARGET)
    server.rlimit(psutil.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))

    with pytest.raises(Unreachable, match="did not answer in 2 attempts"):
        remote.push(pointer, TARGET)

    assert not remote.has(pointer)
    server.rlimit(psutil.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    remote.push(pointer, TARGET)
    assert remote.has(pointer)


@pytest.mark.s3
def test_missing_object_on_s3_is_missing_not_unreachable(pointer, s3):
    on_s3 = Remote(Settings(remote_url="s3://data/tables", s3_endpoint_url=s3, remote_retries=0))

    with pytest.raises(MissingData, match="espalier data push"):
        on_s3.fetch(pointer, TARGET)
