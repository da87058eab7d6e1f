from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.dataset import rows as pieces
from pipelines.dataset.parquet_table import ParquetTable
from pipelines.dataset.tables import open_table, read_table
from pipelines.errors import InvalidData

ROW = "2025-01-01T00:00:00,T1,3.5,12,1,pear,loam,1"
HEADER = "seen,tag,height,age,grafted,kind,soil,bears"


@pytest.fixture
def read(tmp_path, schema):
    def run(content):
        if isinstance(content, str):
            path = tmp_path / "trees.csv"
            path.write_text(content, encoding="utf-8")
        else:
            path = tmp_path / "trees.parquet"
            if isinstance(content, pd.DataFrame):
                content.to_parquet(path)
            else:
                pq.write_table(content, path)
        return read_table(path, schema)

    return run


def test_rows_are_read_and_empty_lines_skipped(read):
    rows = read(f"{HEADER}\n{ROW}\n\n{ROW}\n")

    assert len(rows) == 2
    assert rows["kind"].tolist() == ["pear", "pear"]


def test_trailing_comma_in_every_row_is_reported(read):
    with pytest.raises(InvalidData, match=r"8 cells, but row 1 has 9, row 2 has 9; the rows end with a comma"):
        read(f"{HEADER}\n{ROW},\n{ROW},\n")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2025-01-01T00:00:00,T1,3.5", "row 2 has 3"),
        (f"{ROW},more", "row 2 has 9"),
        ("2025-01-01T00:00:00,T1,3.5,12,1,pear,loam", "row 2 has 7; is the file truncated"),
    ],
)
def test_row_of_another_length_is_reported(read, row, message):
    with pytest.raises(InvalidData, match=message):
        read(f"{HEADER}\n{ROW}\n{row}\n{ROW}\n")


def test_many_rows_of_another_length_are_counted(read):
    with pytest.raises(InvalidData, match="row 1 has 1, row 2 has 1, row 3 has 1 and 7 more"):
        read(HEADER + "\n" + "x\n" * 10)


def test_comma_and_line_break_in_quotes_are_part_of_the_cell(read):
    rows = read(f"{HEADER}\n{ROW.replace('loam', chr(34) + 'sand, wet' + chr(10) + chr(34))}\n")

    assert rows["soil"].tolist() == ["sand, wet\n"]


def test_duplicate_column_is_reported(read):
    with pytest.raises(InvalidData, match=r"duplicate column\(s\) in the header: height"):
        read(f"{HEADER},height\n{ROW},4\n")


def test_file_with_a_byte_order_mark_is_read(read):
    assert "seen" in read(f"\ufeff{HEADER}\n{ROW}\n").columns


def test_empty_file_is_reported(read):
    with pytest.raises(InvalidData, match="cannot read"):
        read("")


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pd.array([1, None, 3], dtype="Int64"), ["1", None, "3"]),
        (pd.array([1.0, None, 3.0]), ["1", None, "3"]),
        ([1.0, float("nan"), 3.0], ["1", None, "3"]),
        ([10, 20, 30], ["10", "20", "30"]),
        ([True, None, False], ["True", None, "False"]),
        (pd.Categorical(["clay", None, "loam"]), ["clay", None, "loam"]),
        (pd.Categorical([7, None, 8]), ["7", None, "8"]),
    ],
)
def test_parquet_category_is_read_as_text(read, values, texts):
    rows = read(pd.DataFrame({"soil": values, "height": [1.5, 2.5, 3.5]}))

    assert [None if pd.isna(value) else value for value in rows["soil"]] == texts
    assert rows["height"].tolist() == [1.5, 2.5, 3.5]


def test_parquet_category_with_decimals_is_reported(read):
    with pytest.raises(InvalidData, match=r"row 2, column soil: 1\.5 has decimals"):
        read(pd.DataFrame({"soil": [1.0, 1.5]}))


def test_parquet_category_without_text_form_is_reported(read):
    with pytest.raises(InvalidData, match="column soil has type list"):
        read(pa.table({"soil": [["clay"], ["loam", "sand"]]}))


def test_parquet_index_is_a_column(read):
    rows = read(pd.DataFrame({"height": [1.5]}, index=pd.Index(["T1"], name="tag")))

    assert rows["tag"].tolist() == ["T1"]


def test_broken_parquet_is_reported(tmp_path, schema):
    path = Path(tmp_path / "broken.parquet")
    path.write_bytes(b"PAR1 no")

    with pytest.raises(InvalidData, match="cannot read"):
        read_table(path, schema)


# --- pieces ---


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_CELLS", 100)


def opened(table, path, schema):
    table.to_csv(path, index=False) if path.suffix == ".csv" else table.to_parquet(path, row_group_size=7)
    return open_table(path, schema)


@pytest.mark.parametrize("name", ["trees.csv", "trees.parquet"])
def test_pieces_are_the_rows_in_order_with_their_numbers(small_pieces, table, schema, tmp_path, name):
    source = opened(table, tmp_path / name, schema)

    parts = list(source.pieces())

    assert source.rows == 600
    assert {len(part) for part in parts} == {12}
    assert [int(part.index[0]) for part in parts] == list(range(0, 600, 12))
    pd.testing.assert_frame_equal(pd.concat(parts), source.read())
    assert source.read()["tag"].tolist() == table["tag"].tolist()


@pytest.mark.parametrize("name", ["trees.csv", "trees.parquet"])
def test_only_named_columns_are_read(table, schema, tmp_path, name):
    source = opened(table, tmp_path / name, schema)

    assert list(next(source.pieces(["kind", "height", "absent"])).columns) == ["height", "kind"]


@pytest.mark.parametrize("name", ["trees.csv", "trees.parquet"])
def test_table_without_rows_has_its_columns(table, schema, tmp_path, name):
    source = opened(table.head(0), tmp_path / name, schema)

    assert source.rows == 0
    assert [list(part.columns) for part in source.pieces()] == [list(table.columns)]


def test_decimals_are_reported_with_the_row_of_the_table(small_pieces, schema, tmp_path):
    source = opened(pd.DataFrame({"soil": [1.0] * 199 + [1.5]}), tmp_path / "trees.parquet", schema)

    with pytest.raises(InvalidData, match=r"row 200, column soil: 1\.5 has decimals"):
        source.read()


def test_folder_gives_the_rows_of_its_files_by_name(small_pieces, table, schema, tmp_path):
    folder = tmp_path / "trees"
    folder.mkdir()
    for number, start in enumerate(range(0, 600, 200)):
        table[start : start + 200].to_parquet(folder / f"part-{number}.parquet")

    assert open_table(folder, schema).read()["tag"].tolist() == table["tag"].tolist()


def test_folders_named_like_a_column_give_its_values(table, schema, tmp_path):
    table.drop(columns=["bears"]).to_parquet(tmp_path / "trees", partition_cols=["kind", "grafted"])

    rows = open_table(tmp_path / "trees", schema).read().sort_values("tag", ignore_index=True)

    wanted = table.sort_values("tag", ignore_index=True)
    assert rows["kind"].tolist() == wanted["kind"].tolist()
    assert rows["grafted"].tolist() == wanted["grafted"].tolist()


def test_folder_whose_files_have_other_columns_is_reported(table, schema, tmp_path):
    folder = tmp_path / "trees"
    folder.mkdir()
    table.to_parquet(folder / "1.parquet")
    table.assign(height="tall").to_parquet(folder / "2.parquet")

    with pytest.raises(InvalidData, match=r"cannot read .*trees: .*'tall'"):
        open_table(folder, schema).read()


def test_folder_without_parquet_is_reported(schema, tmp_path):
    with pytest.raises(InvalidData, match=r"has no \.parquet file"):
        open_table(tmp_path, schema)


def test_memory_does_not_grow_with_the_file(tmp_path):
    path, rows, groups = tmp_path / "table.parquet", 2**18, 24
    table = pa.table({"value": np.random.default_rng(1).random(rows)})
    with pq.ParquetWriter(path, table.schema) as writer:
        for _ in range(groups):
            writer.write_table(table)
    before, most, read = pa.total_allocated_bytes(), 0, 0

    for batch in ParquetTable(path, []).batches(["value"]):
        read += len(batch)
        most = max(most, pa.total_allocated_bytes() - before)

    assert read == rows * groups
    assert most < path.stat().st_size / 3
