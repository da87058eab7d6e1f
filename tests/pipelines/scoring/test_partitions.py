import pytest

from pipelines.config.settings import Settings
from pipelines.errors import InvalidParams, MissingData
from pipelines.scoring.partitions import Partition, Shard, find_tables
from pipelines.scoring.places import split_address

SETTINGS = Settings()


def test_every_table_below_a_folder_is_a_partition(folder, tmp_path):
    (folder / "_temporary").mkdir()
    (folder / "_temporary/d.parquet").touch()
    (folder / ".e.parquet").touch()

    found = find_tables(f"{folder}/", str(tmp_path / "scored"), SETTINGS)

    assert [one.source for one in found.partitions] == ["2026/c.parquet", "a.parquet", "b.parquet"]
    assert all(one.source == one.target for one in found.partitions)


def test_file_may_have_another_name(table, tmp_path):
    found = find_tables(str(table), str(tmp_path / "scored/x.parquet"), SETTINGS)

    assert found.partitions == (Partition("rows.parquet", "x.parquet"),)
    assert (found.source, found.target, found.is_folder) == (str(tmp_path), str(tmp_path / "scored"), False)


@pytest.mark.parametrize("of", [1, 2, 3, 5])
def test_every_partition_is_in_one_shard(folder, tmp_path, of):
    found = find_tables(str(folder), str(tmp_path / "scored"), SETTINGS)
    shards = [found.of(Shard(index, of)) for index in range(of)]

    assert sorted(one.source for shard in shards for one in shard) == [one.source for one in found.partitions]


@pytest.mark.parametrize(
    ("source", "target"),
    [("lake", "scored.parquet"), ("a.parquet", "scored"), ("a.parquet", "a.parquet"), ("lake", "lake"), ("l", "l/s")],
)
def test_input_and_output_that_do_not_fit(source, target):
    with pytest.raises(InvalidParams):
        find_tables(source, target, SETTINGS)


def test_folder_without_tables(tmp_path):
    with pytest.raises(MissingData, match="has no file that ends in"):
        find_tables(str(tmp_path), str(tmp_path / "../scored"), SETTINGS)


def test_addresses():
    assert split_address("a/b.parquet") == ("a", "b.parquet")
    assert split_address("b.parquet") == (".", "b.parquet")
    assert split_address("s3://bucket/a/b.parquet") == ("s3://bucket/a", "b.parquet")
    assert split_address("s3://bucket/b.parquet") == ("s3://bucket", "b.parquet")
    for wrong in ("s3://b.parquet", "gs://bucket/b.parquet", "https://example.com/b.parquet"):
        with pytest.raises(InvalidParams):
            split_address(wrong)
