"""What the size, the time and the features of a table change in params.yaml."""

import numpy as np
import pandas as pd
import pytest

from pipelines.config.schema import Schema
from pipelines.new_project.choices import choose


def chosen(rows, *, every=None, target="binary", decisions=()):
    schema = Schema.model_validate(
        {
            "target": {"name": "y", "type": target, **({"classes": ["a", "b"]} if target == "binary" else {})},
            "time": {"name": "seen"} if every else None,
            "features": [{"name": "x", "type": "float"}],
        }
    )
    table = pd.DataFrame({"x": np.arange(rows, dtype=float), "y": np.arange(rows) % 2})
    if every:
        table["seen"] = pd.date_range("2023-01-01", periods=rows, freq=every)
    return choose(table, schema, decisions)


def test_more_rows_train_deeper_trees():
    depths = [chosen(rows).booster["max_depth"] for rows in (200, 5_000, 50_000)]

    assert depths == sorted(set(depths))
    assert (chosen(200).bins, chosen(5_000).bins) == (5, 10)


def test_limits_fit_a_small_table():
    small, large = chosen(200), chosen(50_000)

    assert (small.min_compared_rows, small.min_slice_rows, small.min_rows) == (30, 10, 100)
    assert (large.min_compared_rows, large.min_slice_rows) == (1_000, 200)


@pytest.mark.parametrize(
    ("rows", "every", "block", "time_slice"),
    [
        (1_000, "1D", "1d", "month"),
        (1_000, "1h", "1h", "none"),
        (1_000, "1min", "row", "none"),
        (2_000, "1D", "1d", "quarter"),
        (200, None, "row", "none"),
    ],
)
def test_time_decides_blocks_and_slices(rows, every, block, time_slice):
    found = chosen(rows, every=every)

    assert (found.block, found.time_slice) == (block, time_slice)


def test_without_a_score_there_is_no_floor():
    assert chosen(200).floor is None
