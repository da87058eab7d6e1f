from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.dataset.files import read_table
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
