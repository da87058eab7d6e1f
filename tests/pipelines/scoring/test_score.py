"""What happens to single values and files."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import InvalidData

WRONG = {"age": pa.array([1, -1, 2, 400]), "kind": pa.array(["pear", "quince", None, "plum"])}


@pytest.fixture
def wrong(rows, tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(rows(4, **WRONG), path)
    return path


def test_invalid_values_are_named_and_nothing_is_written(wrong, score, tmp_path):
    with pytest.raises(InvalidData) as caught:
        score(wrong, tmp_path / "out/scored.parquet")

    assert str(caught.value) == (
        f"{wrong}: row 2: age must be a whole number from 0 to 300 a; row 2: kind must be one of apple, pear, plum; "
        "row 3: kind must be one of apple, pear, plum; and 1 more in this batch. Correct the table, or give such rows "
        "no prediction with --invalid-rows null"
    )
    assert list((tmp_path / "out").iterdir()) == []


def test_rows_are_counted_across_batches_and_row_groups(rows, score, tmp_path):
    ages = [5] * 500
    ages[321] = -1
    pq.write_table(rows(500, age=pa.array(ages)), tmp_path / "rows.parquet", row_group_size=100)

    with pytest.raises(InvalidData, match="row 322: age must be"):
        score(tmp_path / "rows.parquet", tmp_path / "scored.parquet", batch_rows=30, workers=3)


def test_invalid_rows_get_no_prediction_and_a_reason(wrong, score, tmp_path):
    summary = score(wrong, tmp_path / "scored.parquet", invalid_rows="null")

    found = pq.read_table(tmp_path / "scored.parquet")
    assert [value is None for value in found["label"].to_pylist()] == [False, True, True, True]
    assert [value is None for value in found["probability"].to_pylist()] == [False, True, True, True]
    assert found["invalid_reason"].to_pylist() == [
        None,
        "age must be a whole number from 0 to 300 a; kind must be one of apple, pear, plum",
        "kind must be one of apple, pear, plum",
        "age must be a whole number from 0 to 300 a",
    ]
    (result,) = summary.results
    assert (result.counts.rows, result.counts.refused, sum(result.counts.labels.values())) == (4, 3, 1)
    assert sum(result.counts.score) == 1


def test_valid_table_has_no_reasons(table, score, tmp_path):
    score(table, tmp_path / "scored.parquet", invalid_rows="null")

    assert pq.read_table(tmp_path / "scored.parquet")["invalid_reason"].null_count == 1000


@pytest.mark.parametrize(
    ("keep", "columns"),
    [
        (None, ["tree"]),
        (("none",), []),
        (("all",), ["tree", "height", "age", "grafted", "kind", "soil"]),
        (("kind", "tree"), ["tree", "kind"]),
    ],
)
def test_columns_that_are_copied(table, score, tmp_path, keep, columns):
    score(table, tmp_path / "scored.parquet", keep=keep)

    found, rows = pq.read_table(tmp_path / "scored.parquet"), pq.read_table(table)
    assert found.column_names[: len(columns)] == columns and found.column_names[len(columns)] == "label"
    assert found.select(columns).equals(rows.select(columns))


def test_unknown_column_to_copy(table, score, tmp_path):
    with pytest.raises(InvalidData, match="has no column flight, which --keep names; it has tree, height"):
        score(table, tmp_path / "scored.parquet", keep=("flight",))


def test_copied_column_with_the_name_of_another_one(rows, score, tmp_path):
    pq.write_table(rows(5, label=pa.array(["x"] * 5)), tmp_path / "rows.parquet")

    with pytest.raises(InvalidData, match="cannot have two columns label: choose the copied columns with --keep"):
        score(tmp_path / "rows.parquet", tmp_path / "scored.parquet")


def test_empty_table(rows, score, tmp_path):
    pq.write_table(rows(0), tmp_path / "rows.parquet")

    summary = score(tmp_path / "rows.parquet", tmp_path / "scored.parquet")

    assert pq.read_table(tmp_path / "scored.parquet").num_rows == 0
    assert summary.drift["score"]["psi"] is None


def test_missing_column_is_named(table, score, tmp_path):
    pq.write_table(pq.read_table(table).drop(["age"]), table)

    with pytest.raises(InvalidData, match=r"rows\.parquet: column age is missing; it must be a whole number"):
        score(table, tmp_path / "scored.parquet")


def test_file_that_is_no_table(table, score, tmp_path):
    table.write_bytes(b"no parquet")

    with pytest.raises(InvalidData, match=r"rows\.parquet is not a Parquet file that can be read"):
        score(table, tmp_path / "scored.parquet")


def test_damaged_file_has_no_output(table, score, tmp_path):
    content = bytearray(table.read_bytes())
    content[200:2000] = bytes(1800)
    table.write_bytes(content)

    with pytest.raises(InvalidData, match="cannot read"):
        score(table, tmp_path / "scored.parquet")

    assert not (tmp_path / "scored.parquet").exists()
