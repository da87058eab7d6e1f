"""Stage ``prepare``: one table in, training and test rows out.

Reads:  table.parquet, schema.yaml.
Gives:  train.parquet and test.parquet, sorted by time, each row with its hash; every test row is newer than every
        training row, and (nearly) none repeats an older one.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from pipelines.config.params import PrepareParams, load_params
from pipelines.config.schema import ROW_HASH, Schema, load_schema
from pipelines.dataset.files import TABLE, TEST, TRAIN, read_prepared, write_prepared
from pipelines.dataset.trained_rows import hash_rows
from pipelines.errors import InvalidData
from pipelines.stages.process import run_stage

__all__ = ["main", "split_by_time"]


def main() -> str:
    """Drop the rows whose target never became known, and split."""
    schema, params = load_schema(), load_params()
    table = read_prepared(TABLE, stage="validate")
    known = table[table[schema.target.name].notna()]
    train, test = split_by_time(known, schema=schema, params=params.prepare)
    write_prepared(train, TRAIN)
    write_prepared(test, TEST)
    said = f"{len(train):,} rows to train, {len(test):,} to test, {len(table) - len(known):,} without a target left out"
    too_old = len(known) - len(train) - len(test)
    return f"{said}, {too_old:,} older than prepare.train_last" if too_old else said


def split_by_time(rows: pd.DataFrame, *, schema: Schema, params: PrepareParams) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cut the newest rows off as the test set, so that no later row trains the model.

    Args:
        rows: (n, k), the columns of the schema, the time column as datetime.

    Returns:
        train (n - m, k + 1) and test (m, k + 1), each in the order of time and with its hash; fewer train with
        ``train_last``.

    Raises:
        InvalidData: one side is empty, holds only one class, or has a feature without a value; or too many test rows
            repeat an older one.

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.10.
    """
    rows = rows.sort_values(schema.time.name, kind="stable")
    rows = rows.assign(**{ROW_HASH: hash_rows(rows, schema.columns)})
    times = rows[schema.time.name]
    start = _test_start(times, params)
    older, test = rows[times < start], rows[times >= start]
    train = older if params.train_last is None else older[older[schema.time.name] >= start - params.train_last]
    for name, part in (("training", train), ("test", test)):
        _check_part(name, part, schema, start)
    _check_features(train, schema)
    _check_repeats(older, test, schema, params)
    return train, test


def _test_start(times: pd.Series[pd.Timestamp], params: PrepareParams) -> pd.Timestamp:
    if params.test_from is not None:
        return pd.Timestamp(datetime.fromisoformat(params.test_from.isoformat()))
    if params.test_last is not None:
        return times.iloc[-1] - params.test_last
    return times.iloc[int(len(times) * (1 - (params.test_share or 0)))]


def _check_part(name: str, part: pd.DataFrame, schema: Schema, start: pd.Timestamp) -> None:
    if part.empty:
        raise InvalidData(f"the {name} set is empty: no row on that side of {start} (params.yaml, prepare)")
    classes = sorted(part[schema.target.name].unique())
    if len(classes) == 1:
        raise InvalidData(
            f"every row of the {name} set has {schema.target.name} = {classes[0]:g}: there is nothing to learn or to "
            f"measure; move the split ({start}) or bring rows of the other class"
        )


def _check_features(train: pd.DataFrame, schema: Schema) -> None:
    empty = [name for name in schema.feature_names if train[name].isna().all()]
    if empty:
        raise InvalidData(
            f"column(s) {', '.join(empty)} are empty in every row of the training set, only newer rows have values: "
            "move the split (params.yaml, prepare) or take them out of schema.yaml"
        )


def _check_repeats(older: pd.DataFrame, test: pd.DataFrame, schema: Schema, params: PrepareParams) -> None:
    """A table that was exported twice, with other times, has its test rows among the training rows: a model that has
    learned them by heart would pass for a good one.
    """
    columns = [name for name in schema.columns if name != schema.time.name]
    repeats = np.isin(hash_rows(test, columns), hash_rows(older, columns))
    count = int(repeats.sum())
    if count > params.max_repeated_share * len(test):
        first = test[repeats].iloc[0]
        identity = ", ".join(f"{column.name} {first[column.name]}" for column in (schema.time, *schema.identifiers))
        raise InvalidData(
            f"{count:,} of {len(test):,} test rows equal an older row in everything but the time, more than "
            f"prepare.max_repeated_share = {params.max_repeated_share:g} of them (the first: {identity}): a model that "
            "has learned them by heart would pass for a good one. Was a part of the table exported twice? If rows "
            "repeat by nature, name an identifier in schema.yaml that tells them apart, or raise the limit"
        )


if __name__ == "__main__":
    run_stage("prepare", main)
