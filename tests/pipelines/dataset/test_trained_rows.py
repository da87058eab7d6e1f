from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from pipelines.config.params import PrepareParams
from pipelines.config.schema import ROW_HASH, TimeColumn
from pipelines.dataset.rows import FrameRows
from pipelines.dataset.trained_rows import Training, check_training, describe_rows, hash_rows
from pipelines.errors import InvalidData
from pipelines.stages.prepare import split_by_time
from pipelines.stages.validate import check_table
from tests.small_project import project_of


@pytest.fixture
def parts(table, schema, params):
    known = check_table(table[table["bears"].notna()], schema, params.validate_)
    return split_by_time(known, project_of(schema, prepare=PrepareParams(test_share=0.3)))


@pytest.fixture
def training_on(schema):
    def make(measured, registered=None):
        ours, theirs = (
            describe_rows(FrameRows(measured), schema),
            describe_rows(FrameRows(measured if registered is None else registered), schema),
        )
        return Training(
            measured=ours,
            measured_model_sha256="",
            registered=theirs,
            registered_model_sha256="",
            final_fit=registered is not None,
        )

    return make


def test_hash_depends_on_the_cells_only(parts, schema):
    rows = parts[0]
    mixed = rows.sample(frac=1, random_state=1)

    pd.testing.assert_series_equal(mixed[ROW_HASH].sort_index(), rows[ROW_HASH].sort_index(), check_names=False)
    np.testing.assert_array_equal(hash_rows(mixed, schema.columns), mixed[ROW_HASH])
    assert rows[ROW_HASH].is_unique


@pytest.mark.parametrize("column", ["seen", "tag", "height", "age", "grafted", "kind", "soil", "bears"])
def test_hash_changes_with_any_cell(parts, schema, column):
    row = parts[0].dropna().head(1)
    other = parts[0][parts[0][column].notna() & (parts[0][column] != row[column].iloc[0])][column].iloc[0]

    changed = row.assign(**{column: other})

    assert hash_rows(changed, schema.columns) != hash_rows(row, schema.columns)


def test_zero_has_no_sign(schema, parts):
    row = parts[0].head(1)

    assert hash_rows(row.assign(height=0.0), ["height"]) == hash_rows(row.assign(height=-0.0), ["height"])


def test_description_does_not_depend_on_the_order(parts, schema):
    mixed = FrameRows(parts[0].sample(frac=1, random_state=1))

    assert describe_rows(mixed, schema) == describe_rows(FrameRows(parts[0]), schema)


@pytest.mark.parametrize(
    ("zone", "newest", "expected"),
    [
        ("UTC", "2013-09-30T23:59:00", datetime(2013, 9, 30, 23, 59, tzinfo=UTC)),
        ("America/New_York", "2013-09-30T23:59:00", datetime(2013, 10, 1, 3, 59, tzinfo=UTC)),
        ("America/New_York", "2013-12-31T23:59:00", datetime(2014, 1, 1, 4, 59, tzinfo=UTC)),
    ],
)
def test_times_are_converted_to_utc(parts, schema, zone, newest, expected):
    zoned = schema.model_copy(update={"time": TimeColumn(name="seen", timezone=zone)})
    rows = parts[0].head(2).assign(seen=pd.to_datetime(["2013-01-01T00:00:00", newest]))

    described = describe_rows(FrameRows(rows), zoned)

    assert described.newest == expected
    assert described.newest.utcoffset().total_seconds() == 0
    assert described.oldest < described.newest


def test_model_of_the_training_rows_is_accepted(parts, training_on, schema):
    check_training(training_on(parts[0]), *map(FrameRows, parts), schema)
    check_training(training_on(parts[0], pd.concat(parts)), *map(FrameRows, parts), schema)


def test_model_of_the_test_rows_is_rejected(parts, training_on, schema):
    with pytest.raises(InvalidData, match="trained on the test rows, not on the"):
        check_training(training_on(parts[1]), *map(FrameRows, parts), schema)


def test_model_of_other_rows_is_rejected(parts, training_on, schema):
    for rows in (parts[0].head(300), pd.concat(parts)):
        with pytest.raises(InvalidData, match=f"trained on {len(rows)} other rows"):
            check_training(training_on(rows), *map(FrameRows, parts), schema)


def test_final_fit_on_other_than_all_rows_is_rejected(parts, training_on, schema):
    for rows in (*parts, pd.concat(parts).head(500)):
        with pytest.raises(InvalidData, match="the model to register was trained on"):
            check_training(training_on(parts[0], rows), *map(FrameRows, parts), schema)


def test_row_in_both_sets_is_rejected(parts, training_on, schema):
    train = pd.concat([parts[0], parts[1].head(2)])

    with pytest.raises(InvalidData, match=r"2 row\(s\) are in both the training set and the test set"):
        check_training(training_on(train), FrameRows(train), FrameRows(parts[1]), schema)


def test_training_rows_newer_than_test_rows_are_rejected(parts, training_on, schema):
    train = pd.concat([parts[0], parts[1].head(2).assign(**{ROW_HASH: np.array([1, 2], dtype=np.uint64)})])

    with pytest.raises(InvalidData, match="after the start of the test set"):
        check_training(training_on(train), FrameRows(train), FrameRows(parts[1]), schema)
