import re
from pathlib import Path

import pandas as pd
import pytest

from pipelines.config.params import PrepareParams
from pipelines.dataset.files import SPLIT_JSON, read_json
from pipelines.errors import InvalidData, MissingData
from pipelines.stages import fetch, validate
from pipelines.stages.prepare import main, split_by_hash, split_by_time
from tests.small_project import project_of


@pytest.fixture
def rows(table):
    known = table[table["bears"].notna()].copy()
    known["seen"] = pd.to_datetime(known["seen"])
    known["bears"] = known["bears"].astype(float)
    return known.sample(frac=1, random_state=1)


@pytest.mark.parametrize("params", [PrepareParams(test_share=0.3), PrepareParams(test_from="2025-05-01")])
def test_training_rows_are_older_than_test_rows(rows, schema, params):
    train, test = split_by_time(rows, project_of(schema, prepare=params))

    assert train["seen"].max() < test["seen"].min()
    assert len(train) + len(test) == len(rows)


def test_test_share_is_the_newest_part(rows, schema):
    _, test = split_by_time(rows, project_of(schema, prepare=PrepareParams(test_share=0.25)))

    assert len(test) / len(rows) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(("date", "side"), [("2020-01-01", "training"), ("2030-01-01", "test")])
def test_empty_side_is_reported(rows, schema, date, side):
    with pytest.raises(InvalidData, match=f"{side} set is empty"):
        split_by_time(rows, project_of(schema, prepare=PrepareParams(test_from=date)))


@pytest.mark.parametrize("label", [0, 1])
def test_single_class_is_reported(rows, schema, label):
    with pytest.raises(InvalidData, match=f"bears = {label}"):
        split_by_time(rows[rows["bears"] == label], project_of(schema, prepare=PrepareParams(test_share=0.3)))


def test_test_last_is_the_newest_part_by_time(rows, schema):
    train, test = split_by_time(rows, project_of(schema, prepare=PrepareParams(test_last="30d")))

    newest = rows["seen"].max()
    assert test["seen"].min() >= newest - pd.Timedelta(days=30) > train["seen"].max()
    assert len(train) + len(test) == len(rows)


def test_windows_move_with_the_data(rows, schema):
    """What a fixed date does not: more data are a new training set."""
    params = PrepareParams(test_last="30d", train_last="60d")
    before = rows[rows["seen"] < "2025-05-01"]

    old, _ = split_by_time(before, project_of(schema, prepare=params))
    new, test = split_by_time(rows, project_of(schema, prepare=params))

    assert new["seen"].max() > old["seen"].max()
    assert new["seen"].min() > old["seen"].min()
    assert new["seen"].min() >= test["seen"].max() - pd.Timedelta(days=90)


def test_train_last_drops_only_older_rows(rows, schema):
    whole, test = split_by_time(rows, project_of(schema, prepare=PrepareParams(test_from="2025-05-01")))
    part, same = split_by_time(
        rows, project_of(schema, prepare=PrepareParams(test_from="2025-05-01", train_last="60d"))
    )

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
        split_by_time(twice(rows), project_of(schema, prepare=PrepareParams(test_from="2026-01-01", **params)))


def test_random_labels_do_not_pass_with_duplicated_rows(rows, schema):
    random = rows.assign(bears=rows["bears"].sample(frac=1, random_state=3).to_numpy())

    with pytest.raises(InvalidData, match="memorises them would look good"):
        split_by_time(twice(random), project_of(schema, prepare=PrepareParams(test_from="2026-01-01")))


def test_limit_for_repeated_rows_is_a_setting(rows, schema):
    both = twice(rows, share=0.2)
    limit = PrepareParams(test_from="2025-05-01", max_repeated_share=0.9)

    train, test = split_by_time(both, project_of(schema, prepare=limit))

    assert len(train) + len(test) == len(both)


def test_column_without_training_values_is_reported(rows, schema):
    rows.loc[rows["seen"] < "2025-05-01", "soil"] = None

    with pytest.raises(InvalidData, match=r"column\(s\) soil are empty in every training row"):
        split_by_time(rows, project_of(schema, prepare=PrepareParams(test_from="2025-05-01")))


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


@pytest.fixture
def untimed(rows, schema):
    """The rows as a table without a time."""
    return rows.drop(columns="seen"), schema.model_copy(update={"time": None})


def test_rows_without_a_time_are_divided_by_hash(untimed):
    rows, schema = untimed

    train, test, split = split_by_hash(rows, project_of(schema, prepare=PrepareParams(test_share=0.3, seed=4)))

    assert set(train.index) | set(test.index) == set(rows.index)
    assert set(train["espalier_row_hash"]).isdisjoint(test["espalier_row_hash"])
    for label in (0, 1):
        assert (test["bears"] == label).sum() == round(0.3 * (rows["bears"] == label).sum())
    assert (split.seed, split.columns) == (4, ("tag", "height", "age", "grafted", "kind", "soil"))
    assert set(split.test_below) == {"bare", "bearing"}


def test_group_stays_on_one_side(untimed):
    rows, schema = untimed
    rows = rows.assign(tag=[f"T{number % 40}" for number in range(len(rows))])

    train, test, split = split_by_hash(rows, project_of(schema, prepare=PrepareParams(test_share=0.3, group="tag")))

    assert set(train["tag"]).isdisjoint(test["tag"])
    assert (split.columns, set(split.test_below)) == (("tag",), {""})


def test_row_without_a_group_is_reported(untimed):
    rows, schema = untimed
    rows.loc[rows.index[:2], "soil"] = None

    with pytest.raises(InvalidData, match=r"row\(s\) have no soil, which is prepare\.group"):
        split_by_hash(rows, project_of(schema, prepare=PrepareParams(test_share=0.3, group="soil")))


def test_stratification_can_be_disabled(untimed):
    rows, schema = untimed

    *_, split = split_by_hash(rows, project_of(schema, prepare=PrepareParams(test_share=0.3, stratify=False)))

    assert set(split.test_below) == {""}


def test_label_that_is_corrected_does_not_move_its_row(untimed):
    rows, schema = untimed
    project = project_of(schema, prepare=PrepareParams(test_share=0.3, stratify=False))
    corrected = rows.assign(bears=1 - rows["bears"])

    assert set(split_by_hash(rows, project)[1].index) == set(split_by_hash(corrected, project)[1].index)


def test_stage_records_the_split(pushed):
    fetch.main()
    schema, params = Path("pipelines/schema.yaml"), Path("pipelines/params.yaml")
    validate.main()
    main()
    assert read_json(SPLIT_JSON, stage="prepare") is None, "by time"

    schema.write_text(schema.read_text().replace("time: {name: seen}", ""))
    params.write_text(params.read_text().replace("time_slice: month, ", ""))
    validate.main()
    main()

    assert set(read_json(SPLIT_JSON, stage="prepare")["test_below"]) == {"bare", "bearing"}


def test_optional_column_without_missing_values_is_refused(rows, schema):
    """Nothing would be learned about requests that leave it out, and no test row would show it."""
    age = schema.features[1].model_copy(update={"nullable": True, "optional": True})
    changed = schema.model_copy(update={"features": (schema.features[0], age, *schema.features[2:])})
    params = PrepareParams(test_share=0.3)

    with pytest.raises(InvalidData, match=r"age are optional, but every training row has a value.*Empty the cells"):
        split_by_time(rows, project_of(changed, prepare=params))
    rows.loc[rows.index[:300], "age"] = None
    assert split_by_time(rows, project_of(changed, prepare=params))
