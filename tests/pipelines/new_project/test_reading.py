"""What cannot be read is named with its line, and what to do."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import InvalidData, MissingData
from pipelines.new_project.reading import read_unknown_table


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty: it has 0 bytes"),
        (b"a,b\n", r"has no rows, only the names of 2 column\(s\)"),
        (b"a\n1\n2\n", r"has one column"),
        (b"a;b\n1;2\n", r"line 1: the cells are separated by semicolons"),
        (b"a\tb\n1\t2\n", r"separated by tabs"),
        (b"a,b,a\n1,2,3\n", r"duplicate column\(s\) in the header: a"),
        (b"a,b\n1,2\n\xe9,4\n", r"t.csv, line 3: byte 0xe9 is not UTF-8; convert the file.*iconv"),
        (b"a,b\n1,2\n\0,4\n", r"line 3: a zero byte"),
        (b"a,b\n1,2\n3\n", r"row 2 has 1"),
    ],
)
def test_csv_that_cannot_be_used(tmp_path, content, message):
    path = tmp_path / "t.csv"
    path.write_bytes(content)

    with pytest.raises(InvalidData, match=message):
        read_unknown_table(path)


def test_files_that_cannot_be_used(tmp_path):
    with pytest.raises(MissingData, match=r"t\.csv not found"):
        read_unknown_table(tmp_path / "t.csv")
    with pytest.raises(InvalidData, match=r"must be a \.csv or \.parquet file"):
        read_unknown_table(tmp_path / "t.xlsx")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(MissingData, match="is not a file"):
        read_unknown_table(tmp_path / "folder.csv")
    (tmp_path / "t.parquet").write_bytes(b"no Parquet at all")
    with pytest.raises(InvalidData, match="is not a Parquet file that can be read"):
        read_unknown_table(tmp_path / "t.parquet")


def test_parquet_with_two_columns_of_one_name(tmp_path):
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "b", "a"])
    pq.write_table(table, tmp_path / "t.parquet")

    with pytest.raises(InvalidData, match=r"duplicate column\(s\) in the header: a"):
        read_unknown_table(tmp_path / "t.parquet")


def test_cells_of_a_csv_file_are_texts_and_only_empty_ones_missing(tmp_path):
    (tmp_path / "t.csv").write_bytes("\ufeffa,b\n01,NA\n,x\n".encode())

    table = read_unknown_table(tmp_path / "t.csv")

    assert list(table.columns) == ["a", "b"]
    assert table["a"].iloc[0] == "01" and pd.isna(table["a"].iloc[1])
    assert table["b"].tolist() == ["NA", "x"]
