import re
from pathlib import Path

import pandas as pd
import pytest

from pipelines.config.params import PrepareParams
from pipelines.errors import InvalidData, MissingData
from pipelines.stages import fetch, validate
from pipelines.stages.prepare import main, split_by_time


@pytest.fixture
def rows(table):
    known = table[table["bears"].notna()].copy()
    known["seen"] = pd.to_datetime(known["seen"])
    known["bears"] = known["bears"].astype(float)
    return known.sample(frac=1, random_state=1)


@pytest.mark.parametrize("params", [PrepareParams(test_share=0.3), PrepareParams(test_from="2025-05-01")])
def test_training_rows_are_older_than_test_rows(rows, schema, params):
    train, test = split_by_time(rows, schema=schema, params=params)

    assert train["seen"].max() < test["seen"].min()
    assert len(train) + len(test) == len(rows)


def test_test_share_is_the_newest_part(rows, schema):
    _, test = split_by_time(rows, schema=schema, params=PrepareParams(test_share=0.25))

    assert len(test) / len(rows) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(("date", "side"), [("2020-01-01", "training"), ("2030-01-01", "test")])
def test_empty_side_is_reported(rows, schema, date, side):
    with pytest.raises(InvalidData, match=f"{side} set is empty"):
        split_by_time(rows, schema=schema, params=PrepareParams(test_from=date))


@pytest.mark.parametrize("label", [0, 1])
def test_single_class_is_reported(rows, schema, label):
    with pytest.raises(InvalidData, match=f"bears = {label}"):
        split_by_time(rows[rows["bears"] == label], schema=schema, params=PrepareParams(test_share=0.3))


def test_test_last_is_the_newest_part_by_time(rows, schema):
    train, test = split_by_time(rows, schema=schema, params=PrepareParams(test_last="30d"))

    newest = rows["seen"].max()
    assert test["seen"].min() >= newest - pd.Timedelta(days=30) > train["seen"].max()
    assert len(train) + len(test) == len(rows)


def test_windows_move_with_the_data(rows, schema):
    """What a fixed date does not: more data are a new training set."""
    params = PrepareParams(test_last="30d", train_last="60d")
    before = rows[rows["seen"] < "2025-05-01"]

    old, _ = split_by_time(before, schema=schema, params=params)
    new, test = split_by_time(rows, schema=schema, params=params)

    assert new["seen"].max() > old["seen"].max()
    assert new["seen"].min() > old["seen"].min()
    assert new["seen"].min() >= test["seen"].max() - pd.Timedelta(days=90)


def test_train_last_drops_only_older_rows(rows, schema):
    whole, test = split_by_time(rows, schema=schema, params=PrepareParams(test_from="2025-05-01"))
    part, same = split_by_time(rows, schema=schema, params=PrepareParams(test_from="2025-05-01", train_last="60d"))

    pd.testing.assert_frame_equal(same, test)
    pd.testing.assert_frame_equal(part, whole[whole["seen"] >= "2025-03-02"])


def twice(rows, share=1.0):
    """The same rows exported once more, half a year later."""
    again = rows.head(int(len(rows) * share)).assign(seen=lambda part: part["seen"] + pd.Timedelta(days=365))
    return pd.concat([rows, again])


@pytest.mark.parametrize("params", [{}, {"train_last": "250d"}])
def test_rows_exported_twice_are_rejected(rows, schema, params):
    with pytest.raises(
        InvalidData, match=r"\d+ of \d+ test rows equal an older row in all columns but the time.*tag T\d"
    ):
        split_by_time(twice(rows), schema=schema, params=PrepareParams(test_from="2026-01-01", **params))


def test_random_labels_do_not_pass_with_duplicated_rows(rows, schema):
    random = rows.assign(bears=rows["bears"].sample(frac=1, random_state=3).to_numpy())

    with pytest.raises(InvalidData, match="memorises them would look good"):
        split_by_time(twice(random), schema=schema, params=PrepareParams(test_from="2026-01-01"))


def test_limit_for_repeated_rows_is_a_setting(rows, schema):
    both = twice(rows, share=0.2)
    limit = PrepareParams(test_from="2025-05-01", max_repeated_share=0.9)

    train, test = split_by_time(both, schema=schema, params=limit)

    assert len(train) + len(test) == len(both)


def test_column_without_training_values_is_reported(rows, schema):
    rows.loc[rows["seen"] < "2025-05-01", "soil"] = None

    with pytest.raises(InvalidData, match=r"column\(s\) soil are empty in every training row"):
        split_by_time(rows, schema=schema, params=PrepareParams(test_from="2025-05-01"))


def test_stage_reports_dropped_rows(pushed):
    fetch.main()
    validate.main()
    path = Path("pipelines/params.yaml")
    path.write_text(path.read_text().replace("test_share: 0.3", "test_last: 30d, train_last: 60d"))

    summary = main()

    assert re.search(
        r"\d+ training rows, \d+ test rows, \d+ without target dropped, \d+ older than prepare.train_last dropped",
        summary,
    )


def test_missing_table_is_reported(project):
    with pytest.raises(MissingData, match=r"pipelines\.stages\.validate"):
        main()
