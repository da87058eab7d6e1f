import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.dataset import rows as module
from pipelines.dataset.rows import FileRows, FrameRows, JoinedRows, SelectedRows, every_nth, piece_rows, write_rows
from pipelines.errors import InvalidData, MissingData

SCHEMA = pa.schema([("number", pa.float64()), ("kind", pa.string()), ("seen", pa.timestamp("ns"))])


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "number": [1.5, np.nan, -0.0, 4, 5, 6, 7],
            "kind": ["a", None, "", "b", "NA", "a", "b"],
            "seen": pd.date_range("2025-01-01", periods=7, freq="h", unit="ns"),
        }
    )


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(module, "PIECE_CELLS", 9)  # three rows of three columns


@pytest.fixture
def file(tmp_path, frame, small_pieces):
    path = tmp_path / "folder" / "rows.parquet"
    assert write_rows([frame[:1], frame[1:1], frame[1:6], frame[6:]], path, SCHEMA) == 7
    return FileRows(path)


def test_file_has_pieces_of_a_fixed_size(file):
    assert [len(piece) for piece in file.pieces()] == [3, 3, 1]
    assert len(file) == 7


def test_rows_are_read_as_they_were_written(file, frame):
    pd.testing.assert_frame_equal(file.read(), frame.astype({"kind": "str"}))
    assert np.signbit(file.column("number")[2])


def test_some_columns_are_read(file):
    assert [list(piece.columns) for piece in file.pieces(["seen", "number"])] == [["seen", "number"]] * 3
    assert file.column("kind").tolist()[3:] == ["b", "NA", "a", "b"]


def test_rows_are_taken_by_place(file, frame):
    taken = file.take(np.array([0, 2, 3, 6]))

    pd.testing.assert_frame_equal(taken, frame.astype({"kind": "str"}).iloc[[0, 2, 3, 6]].reset_index(drop=True))


def test_masked_rows_are_selected(file, frame):
    mask = np.array([True, True, True, False, False, False, True])
    selected = SelectedRows(file, mask)

    assert [len(piece) for piece in selected.pieces()] == [3, 1]
    assert len(selected) == 4
    assert selected.column("seen").tolist() == frame["seen"][mask].tolist()


def test_every_nth_row_is_selected_across_pieces(file, frame):
    assert every_nth(file, 1) is file
    assert every_nth(file, 2).column("seen").tolist() == frame["seen"].iloc[::2].tolist()


def test_joined_rows_follow_each_other(file, frame):
    joined = JoinedRows(file, FrameRows(frame[:2]), FrameRows(frame[:0]))

    assert len(joined) == 9
    assert [len(piece) for piece in joined.pieces(["number"])] == [3, 3, 1, 2]


def test_empty_rows_keep_their_columns(tmp_path):
    write_rows([], tmp_path / "none.parquet", SCHEMA)
    rows = FileRows(tmp_path / "none.parquet")

    assert len(rows) == 0
    assert list(rows.pieces()) == []
    assert list(rows.read().columns) == SCHEMA.names


def test_columns_outside_the_schema_are_left_out(tmp_path, frame):
    write_rows([frame.assign(more=1)], tmp_path / "rows.parquet", SCHEMA)

    assert pq.read_schema(tmp_path / "rows.parquet").names == SCHEMA.names


def test_failure_leaves_no_file(tmp_path, frame):
    def frames():
        yield frame
        raise InvalidData("the second piece is bad")

    with pytest.raises(InvalidData, match="second piece"):
        write_rows(frames(), tmp_path / "rows.parquet", SCHEMA)

    assert list(tmp_path.iterdir()) == []


def test_missing_and_broken_files_are_reported(tmp_path):
    with pytest.raises(MissingData, match=r"run: python -m pipelines\.stages\.validate"):
        FileRows(tmp_path / "absent.parquet", stage="validate")
    (tmp_path / "broken.parquet").write_text("nothing of the sort")
    with pytest.raises(InvalidData, match=r"cannot read .*broken\.parquet"):
        FileRows(tmp_path / "broken.parquet")


@pytest.mark.parametrize(("columns", "rows"), [(16, 2**20), (2000, 8388), (2**25, 1)])
def test_a_piece_has_fewer_rows_if_it_has_more_columns(columns, rows):
    assert piece_rows(columns) == rows
