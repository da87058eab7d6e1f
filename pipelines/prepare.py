"""Stage ``prepare``: one table in, training and test rows out.

Reads:  work/raw, schema.yaml.
Gives:  train.parquet and test.parquet, sorted by time; every test row is newer than every training row.
"""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from pipelines.errors import InvalidData
from pipelines.files import TEST, TRAIN, raw_table, read_table, write_prepared
from pipelines.params import PrepareParams, load_params
from pipelines.schema import Schema, load_schema
from pipelines.stage import run_stage
from pipelines.validate import check_table

__all__ = ["main", "split_by_time"]


def main() -> str:
    """Type the columns, drop the rows whose target never became known, and split."""
    schema, params = load_schema(), load_params()
    table = check_table(read_table(raw_table(), schema), schema, params.validate_)
    known = table[table[schema.target.name].notna()]
    train, test = split_by_time(known[schema.columns], schema=schema, params=params.prepare)
    write_prepared(train, TRAIN)
    write_prepared(test, TEST)
    left_out = len(table) - len(known)
    return f"{len(train):,} rows to train, {len(test):,} to test, {left_out:,} without a target left out"


def split_by_time(rows: pd.DataFrame, *, schema: Schema, params: PrepareParams) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cut the newest rows off as the test set, so that no later row trains the model.

    Args:
        rows: (n, k), the columns of the schema, the time column as datetime.

    Returns:
        train (n - m, k) and test (m, k), each in the order of time.

    Raises:
        InvalidData: one side is empty, or holds only one class.

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.10.
    """
    rows = rows.sort_values(schema.time.name, kind="stable")
    times = rows[schema.time.name]
    if params.test_from is not None:
        start = pd.Timestamp(datetime.fromisoformat(params.test_from.isoformat()))
    else:
        start = pd.Timestamp(times.iloc[int(len(times) * (1 - (params.test_share or 0)))])
    train, test = rows[times < start], rows[times >= start]
    for name, part in (("training", train), ("test", test)):
        _check_part(name, part, schema, start)
    return train, test


def _check_part(name: str, part: pd.DataFrame, schema: Schema, start: pd.Timestamp) -> None:
    if part.empty:
        raise InvalidData(f"the {name} set is empty: no row on that side of {start} (params.yaml, prepare)")
    classes = sorted(part[schema.target.name].unique())
    if len(classes) == 1:
        raise InvalidData(
            f"every row of the {name} set has {schema.target.name} = {classes[0]:g}: there is nothing to learn or to "
            f"measure; move the split ({start}) or bring rows of the other class"
        )


if __name__ == "__main__":
    run_stage("prepare", main)
