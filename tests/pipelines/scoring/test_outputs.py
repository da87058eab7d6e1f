import pyarrow.parquet as pq
import pytest

from pipelines.errors import OutputConflict
from pipelines.scoring.local import Folder
from pipelines.scoring.outputs import read_output_record


def test_metadata_tells_what_the_file_comes_from(table, score, bundle, tmp_path):
    summary = score(table, tmp_path / "scored.parquet")

    record = read_output_record(Folder(tmp_path), "scored.parquet")

    assert record.run == summary.run
    assert record.run.model == bundle.manifest.identity
    assert (record.run.git_commit, record.run.data_md5) == ("abcdef0", "0" * 32)
    with Folder(tmp_path).open("rows.parquet") as opened:
        assert record.input == opened.digest()
    assert record.counts == summary.results[0].counts


def test_output_that_does_not_exist(tmp_path):
    assert read_output_record(Folder(tmp_path), "scored.parquet") is None


def test_file_without_the_metadata(table, tmp_path):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1")

    for name in ("rows.parquet", "broken.parquet"):
        with pytest.raises(OutputConflict, match="is not an output of this release"):
            read_output_record(Folder(tmp_path), name)


def test_lineage_takes_no_space(table, score, tmp_path):
    score(table, tmp_path / "scored.parquet")

    group = pq.ParquetFile(tmp_path / "scored.parquet").metadata.row_group(0)
    sizes = {group.column(place).path_in_schema: group.column(place) for place in range(group.num_columns)}
    for name in ("model_name", "model_version", "model_run_id", "scored_at"):
        assert "RLE_DICTIONARY" in sizes[name].encodings and sizes[name].total_compressed_size < 200, name
