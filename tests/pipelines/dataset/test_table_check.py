"""What a check of a table in pieces finds must not depend on where the pieces begin."""

import numpy as np
import pandas as pd
import pytest

from pipelines.config.params import ValidateParams
from pipelines.config.schema import ROW_HASH
from pipelines.dataset.table_check import TableCheck, check_columns
from pipelines.errors import InvalidData
from pipelines.stages.validate import check_table

SIZES = pytest.mark.parametrize("size", [1000, 600, 250, 47])


@pytest.fixture
def check(schema, params):
    """Check a table in pieces of a size, and return the check and the rows."""

    def run(table, size, rules=None):
        found, pieces = TableCheck(schema, rules or params.validate_), []
        table = table.reset_index(drop=True).astype({"tag": "str", "kind": "str", "soil": "str"})
        for start in range(0, len(table), size):
            pieces.append(found.add(table[start : start + size]))
        found.finish()
        return found, pd.concat(pieces, ignore_index=True)

    return run


@SIZES
def test_pieces_give_the_same_rows_as_the_whole_table(check, table, schema, params, size):
    found, rows = check(table, size)

    whole = check_table(table.astype({"tag": "str", "kind": "str", "soil": "str"}), schema, params.validate_)
    pd.testing.assert_frame_equal(rows.drop(columns=ROW_HASH), whole)
    assert rows[ROW_HASH].is_unique
    assert (found.rows, found.copies) == (600, 0)
    assert found.missing_share["height"] == pytest.approx(table["height"].isna().mean())


@SIZES
def test_problems_have_the_row_of_the_table(check, table, size):
    table.loc[[3, 300, 599], "age"] = 999

    with pytest.raises(InvalidData, match="3 problem") as caught:
        check(table, size)

    assert [line.split(",")[0].strip() for line in str(caught.value).splitlines()[1:]] == [
        "row 4",
        "row 301",
        "row 600",
    ]


@SIZES
def test_long_list_of_problems_is_cut(check, table, size):
    with pytest.raises(InvalidData, match=r"600 problem\(s\)") as caught:
        check(table.assign(age=999), size)

    assert str(caught.value).count("\n") == 4
    assert str(caught.value).endswith("… and 597 more")


@SIZES
def test_column_that_is_empty_in_some_pieces_is_not_empty(check, table, size):
    table.loc[:299, "soil"] = None
    check(table, size)

    with pytest.raises(InvalidData, match=r"column\(s\) soil are empty in every row"):
        check(table.assign(soil=None), size)


@SIZES
def test_copies_are_found_in_other_pieces(check, table, size):
    both = pd.concat([table, table.head(60)])

    with pytest.raises(InvalidData, match=r"60 of 660 rows are exact copies.*row 601 equals row 1 in every"):
        check(both, size)
    assert check(both, size, ValidateParams(max_duplicate_share=0.1))[0].copies == 60


@SIZES
def test_rows_in_the_future_are_counted(check, table, size):
    table["seen"] = table["seen"].astype(str)
    table.loc[[16, 400], "seen"] = "2099-01-01T00:00:00"
    table.loc[[16, 400], "bears"] = 1

    with pytest.raises(InvalidData, match=r"2 row\(s\) with a known target are in the future: row 17, column seen"):
        check(table, size)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("", "Z", r"row 301, column seen: .*Z' has a UTC offset, but other rows have none"),
        ("Z", "", r"row 301, column seen: .*' has no UTC offset, but other rows have one"),
    ],
)
def test_offsets_that_begin_or_end_in_another_piece_are_reported(check, table, first, second, message):
    times = pd.to_datetime(table["seen"]).dt.strftime("%Y-%m-%dT%H:%M:%S")
    table["seen"] = [time + (first if place < 300 else second) for place, time in enumerate(times)]

    with pytest.raises(InvalidData, match=message):
        check(table, 300)


@SIZES
def test_too_few_rows_are_counted_in_all_pieces(check, table, size):
    with pytest.raises(InvalidData, match=r"600 rows, fewer than validate\.min_rows = 601"):
        check(table, size, ValidateParams(min_rows=601))


@SIZES
def test_texts_instead_of_codes_are_explained_once(check, table, size):
    words = table["bears"].map({0: "no", 1: "yes"})

    with pytest.raises(InvalidData, match=r"column bears has texts \(no, yes, …\).*target\.values"):
        check(table.assign(bears=words.astype("str")), size)


@SIZES
def test_one_text_among_codes_is_a_problem_of_its_row(check, table, size):
    codes = pd.Series([np.nan if pd.isna(code) else str(code) for code in table["bears"]], dtype="str")
    codes[550] = "many"

    with pytest.raises(InvalidData, match=r"1 problem\(s\).*\n  row 551, column bears: 'many' is not of type float64"):
        check(table.assign(bears=codes), size)


def test_missing_columns_are_named(schema):
    with pytest.raises(InvalidData, match=r"missing column\(s\) bears, soil: .* the table has seen, tag"):
        check_columns([name for name in schema.columns if name not in ("soil", "bears")], schema)
