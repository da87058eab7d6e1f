"""The same on a real S3 server."""

from __future__ import annotations

import threading

import numpy as np
import pyarrow.parquet as pq
import pytest

from espalier.local.processes import free_port
from pipelines.config.settings import Settings
from pipelines.errors import AlteredData, MissingData, OutputConflict, PipelineError, Unreachable
from pipelines.scoring import s3_files
from pipelines.scoring.s3 import Prefix

pytestmark = pytest.mark.s3


@pytest.fixture
def settings(s3):
    return Settings(s3_endpoint_url=s3, remote_retries=1)


@pytest.fixture
def prefix(settings):
    return Prefix("s3://data/scored", settings)


def put(client, table, name):
    client.upload_file(str(table), "data", name)


def keys_of(client):
    return sorted(entry["Key"] for entry in client.list_objects_v2(Bucket="data").get("Contents", ()))


def uploads(client):
    return [entry["Key"] for entry in client.list_multipart_uploads(Bucket="data").get("Uploads", ())]


def test_scored_from_s3_to_s3_as_on_disk(folder, score, settings, client, tmp_path):
    for path in folder.rglob("*.parquet"):
        put(client, path, f"lake/{path.relative_to(folder)}")
    put(client, folder / "readme.txt", "lake/readme.txt")
    score(folder, tmp_path / "scored")

    summary = score("s3://data/lake", "s3://data/scored/", settings=settings, batch_rows=64, workers=2)

    names = ["2026/c.parquet", "a.parquet", "b.parquet"]
    assert [key for key in keys_of(client) if key.startswith("scored/")] == [
        f"scored/{name}" for name in sorted([*names, "_drift.json", "_scoring.json"])
    ]
    for name in names:
        client.download_file("data", f"scored/{name}", str(tmp_path / "found.parquet"))
        found, local = pq.read_table(tmp_path / "found.parquet"), pq.read_table(tmp_path / "scored" / name)
        assert found.drop(["scored_at"]).equals(local.drop(["scored_at"]))
    assert summary.drift["rows"] == 603
    assert summary.drift_address == "s3://data/scored/_drift.json"


def test_finished_objects_are_not_scored_again(table, rows, score, settings, client):
    put(client, table, "lake/a.parquet")
    put(client, table, "lake/b.parquet")
    first = score("s3://data/lake", "s3://data/scored", settings=settings)
    client.delete_object(Bucket="data", Key="scored/b.parquet")

    second = score("s3://data/lake", "s3://data/scored", settings=settings)

    assert [result.partition.target for result in second.results if result.is_new] == ["b.parquet"]
    assert second.run == first.run and second.drift == first.drift
    pq.write_table(rows(seed=5), table)
    put(client, table, "lake/b.parquet")
    with pytest.raises(OutputConflict, match=r"s3://data/lake/b\.parquet has changed since"):
        score("s3://data/lake", "s3://data/scored", settings=settings)


def test_single_object(table, score, settings, client, tmp_path):
    put(client, table, "lake/a.parquet")

    score("s3://data/lake/a.parquet", str(tmp_path / "scored.parquet"), settings=settings)
    score(table, "s3://data/scored.parquet", settings=settings)

    client.download_file("data", "scored.parquet", str(tmp_path / "found.parquet"))
    found, local = pq.read_table(tmp_path / "found.parquet"), pq.read_table(tmp_path / "scored.parquet")
    assert found.drop(["scored_at"]).equals(local.drop(["scored_at"]))


def test_large_object_is_written_in_parts(prefix, client, monkeypatch):
    monkeypatch.setattr(s3_files, "PART_BYTES", 5 * 2**20)  # the smallest that S3 allows
    content = np.random.default_rng(0).bytes(12 * 2**20)

    with prefix.write("large") as file:
        for start in range(0, len(content), 300_000):
            file.write(content[start : start + 300_000])
        assert uploads(client) == ["scored/large"] and keys_of(client) == []

    assert prefix.read("large") == content
    assert uploads(client) == []


def test_failed_upload_leaves_nothing(prefix, client, monkeypatch):
    monkeypatch.setattr(s3_files, "PART_BYTES", 5 * 2**20)

    with pytest.raises(ValueError, match="broken"), prefix.write("large") as file:
        file.write(bytes(6 * 2**20))
        raise ValueError("broken")

    assert keys_of(client) == [] and uploads(client) == []


def test_object_is_read_by_ranges_in_one_state(prefix, client):
    prefix.replace("table", b"0123456789")
    with prefix.open("table") as opened:
        digest = opened.digest()
        opened.file.seek(-3, 2)
        assert opened.file.read() == b"789"
        opened.file.seek(2)
        assert opened.file.read(4) == b"2345" and opened.file.tell() == 6
        prefix.replace("table", b"abcdefghij")

        with pytest.raises(AlteredData, match="s3://data/scored/table changed while it was read"):
            opened.file.read(2)

    with prefix.open("table") as opened:
        assert opened.digest() != digest


def test_object_that_changes_while_it_is_scored(table, rows, score, settings, client, monkeypatch, tmp_path):
    put(client, table, "lake/a.parquet")
    pq.write_table(rows(seed=5), table)
    read, calls = s3_files.RangeReader.read, []

    def replaced_meanwhile(self, size=-1):
        calls.append(size)
        if len(calls) == 3:
            put(client, table, "lake/a.parquet")
        return read(self, size)

    monkeypatch.setattr(s3_files.RangeReader, "read", replaced_meanwhile)

    with pytest.raises(AlteredData, match="changed while it was read"):
        score("s3://data/lake/a.parquet", str(tmp_path / "scored.parquet"), settings=settings)

    assert not (tmp_path / "scored.parquet").exists()


def test_first_one_creates(settings):
    found = []

    def create(number):
        found.append(Prefix("s3://data/scored", settings).create("record", b"%d" % number))

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(found) == 8 and len(set(found)) == 1


def test_missing_object_and_bucket(prefix, settings):
    assert prefix.read("record") is None and prefix.names() == []
    with pytest.raises(MissingData, match="s3://data/scored/table not found"), prefix.open("table"):
        pass
    with pytest.raises(PipelineError, match="S3 refused list_objects_v2 of s3://nobody/lake/: NoSuchBucket"):
        Prefix("s3://nobody/lake", settings).names()


def test_wrong_credentials_do_not_show_the_secret(settings, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "top-secret")

    with pytest.raises(PipelineError, match=r"SignatureDoesNotMatch.*check the URL") as caught:
        Prefix("s3://data/scored", settings).names()
    assert "top-secret" not in str(caught.value)


def test_server_that_does_not_answer(settings):
    closed = settings.model_copy(update={"s3_endpoint_url": f"http://127.0.0.1:{free_port()}"})

    with pytest.raises(Unreachable, match=r"s3://data/scored did not answer in 2 attempts .*PIPELINE_S3_"):
        Prefix("s3://data/scored", closed).names()
