from datetime import timedelta

import numpy as np
import pandas as pd

from pipelines.config.params import PrepareParams
from pipelines.gate.blocks import MAX_GROUPS, blocks_in, blocks_of
from tests.small_project import project_of

TIMES = pd.Series(pd.to_datetime(["2025-03-01T23:59", "2025-03-01T00:00", "2025-03-04T12:00", "2025-03-02T00:00"]))


def test_rows_of_a_day_are_one_block_and_empty_days_are_none():
    blocks = blocks_of(TIMES, timedelta(days=1))

    assert blocks.numbers.tolist() == [0, 0, 2, 1]
    assert blocks.starts == ("2025-03-01T00:00", "2025-03-02T00:00", "2025-03-04T00:00")
    assert blocks.count == 3


def test_blocks_may_be_hours_or_weeks():
    assert blocks_of(TIMES, timedelta(hours=12)).numbers.tolist() == [1, 0, 3, 2]
    assert blocks_of(TIMES, timedelta(weeks=1)).count == 1


def test_times_before_1970_are_in_blocks_too():
    times = pd.Series(pd.to_datetime(["1969-12-31T23:00", "1969-12-31T01:00", "1970-01-01T01:00"]))

    assert blocks_of(times, timedelta(days=1)).numbers.tolist() == [0, 0, 1]


def test_independent_rows_are_put_into_even_groups_that_never_change():
    times = pd.Series(pd.date_range("2025-01-01", periods=2500, freq="h"))

    blocks = blocks_of(times, None)

    assert blocks.count == MAX_GROUPS
    assert set(np.bincount(blocks.numbers)) == {2, 3}
    assert blocks.starts == ()
    assert (blocks_of(times, None).numbers == blocks.numbers).all()
    assert sorted(blocks_of(times.head(7), None).numbers) == list(range(7))


def test_blocks_of_some_rows_have_no_gaps():
    assert blocks_of(TIMES, timedelta(days=1)).of(np.array([2, 0])).numbers.tolist() == [1, 0]


def test_no_rows_are_no_blocks():
    assert blocks_of(TIMES.head(0), timedelta(days=1)).count == 0


def test_block_is_what_the_parameters_say(schema):
    rows = pd.DataFrame({"seen": TIMES, "tag": ["a", "b", "a", "c"]})
    untimed = schema.model_copy(update={"time": None})

    by_day = blocks_in(rows, project_of(schema))
    by_row = blocks_in(rows, project_of(untimed))
    by_group = blocks_in(rows, project_of(untimed, prepare=PrepareParams(test_share=0.3, group="tag")))

    assert (by_day.unit, by_day.count) == ("1d", 3)
    assert (by_row.unit, by_row.count, by_row.starts) == ("row", 4, ())
    assert (by_group.unit, by_group.count) == ("tag", 3)
    assert by_group.numbers[0] == by_group.numbers[2]
    assert len(set(by_group.numbers.tolist())) == 3


def test_many_groups_are_put_into_even_blocks(schema):
    rows = pd.DataFrame({"tag": np.arange(5000).astype(str)})
    project = project_of(schema.model_copy(update={"time": None}), prepare=PrepareParams(test_share=0.3, group="tag"))

    blocks = blocks_in(rows, project)

    assert blocks.count == MAX_GROUPS
    assert set(np.bincount(blocks.numbers)) == {5}
    assert blocks_in(rows.head(0), project).count == 0
