import pytest

from pipelines.errors import InvalidData
from pipelines.fetch import main as fetch
from pipelines.files import raw_table, read_json, read_table
from pipelines.validate import check_table, main


@pytest.fixture
def check(params, schema, save):
    def run(table):
        return check_table(read_table(save(table), schema), schema, params.validate_)

    return run


def test_good_table_is_typed(check, table):
    checked = check(table)

    assert len(checked) == 600
    assert str(checked["seen"].dtype).startswith("datetime64")
    assert checked["age"].dtype == "float64"


def test_missing_column_is_named(check, table):
    with pytest.raises(InvalidData, match=r"missing column\(s\) height, soil"):
        check(table.drop(columns=["height", "soil"]))


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("height", 51.0, r"column height: 51\.0 is not less_than_or_equal_to\(50"),
        ("height", -1.0, r"column height: -1\.0 is not greater_than_or_equal_to\(0"),
        ("age", 3.5, r"column age: 3\.5 is not a whole number"),
        ("age", None, "column age: .* is not allowed: the column may not be empty"),
        ("age", "old", r"column age: 'old' is not of type float64"),
        ("kind", "cherry", r"column kind: 'cherry' is not one of the 4 categories"),
        ("grafted", 2, r"column grafted: 2\.0 is not isin\(\[0, 1\]\)"),
        ("bears", 3, r"column bears: 3\.0 is not isin\(\[0, 1\]\)"),
        ("seen", "yesterday", r"column seen: 'yesterday' is not of type datetime64"),
    ],
)
def test_problem_names_row_column_value_and_rule(check, table, column, value, rule):
    changed = table.astype({column: object})
    changed.loc[16, column] = value

    with pytest.raises(InvalidData, match=f"1 problem.*\n  row 17, {rule}"):
        check(changed)


def test_category_that_may_be_missing_may_be_unknown(check, table):
    assert (check(table.assign(soil="moon"))["soil"] == "moon").all()


def test_text_na_is_a_value_not_a_gap(check, table):
    assert (check(table.assign(soil="NA"))["soil"] == "NA").all()


def test_long_list_of_problems_is_cut(check, table):
    with pytest.raises(InvalidData, match=r"600 problem\(s\)") as caught:
        check(table.assign(age=999))

    assert str(caught.value).count("\n") == 4
    assert str(caught.value).endswith("… and 597 more")


def test_too_few_rows_are_a_broken_export(check, table):
    with pytest.raises(InvalidData, match="9 rows, fewer than"):
        check(table.head(9))


def test_stage_reports_rows_and_gaps(pushed):
    fetch()

    said = main()

    report = read_json(raw_table().parent.parent / "validate.json", stage="validate")
    assert "600 rows of trees.csv" in said
    assert report["rows"] == 600
    assert 0.05 < report["missing_share"]["height"] < 0.15
