"""Stage ``prepare``: split the table into training and test rows.

Reads:  table.parquet, schema.yaml.
Gives:  train.parquet and test.parquet, sorted by time, each row with its hash. Every test row is newer than every
        training row, and almost none repeats an older row.
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
    """Drop rows with an unknown target, and split the others."""
    schema, params = load_schema(), load_params()
    table = read_prepared(TABLE, stage="validate")
    known = table[table[schema.target.name].notna()]
    train, test = split_by_time(known, schema=schema, params=params.prepare)
    write_prepared(train, TRAIN)
    write_prepared(test, TEST)
    summary = (
        f"{len(train):,} training rows, {len(test):,} test rows, {len(table) - len(known):,} without target dropped"
    )
    too_old = len(known) - len(train) - len(test)
    return f"{summary}, {too_old:,} older than prepare.train_last dropped" if too_old else summary


def split_by_time(rows: pd.DataFrame, *, schema: Schema, params: PrepareParams) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Use the newest rows as the test set, so that no later row trains the model.

    Args:
        rows: (n, k), the columns of the schema, the time column as datetime.

    Returns:
        train (n - m, k + 1) and test (m, k + 1), sorted by time, with row hashes; ``train_last`` reduces train.

    Raises:
        InvalidData: one side is empty or has only one class, a feature has no training value, or too many test rows
            repeat an older row.

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
        raise InvalidData(
            f"the {name} set is empty: no row on its side of {start}; change the split (params.yaml, prepare)"
        )
    classes = sorted(part[schema.target.name].unique())
    if len(classes) == 1:
        raise InvalidData(
            f"every row of the {name} set has {schema.target.name} = {classes[0]:g}, so nothing can be learned "
            f"or measured; move the split ({start}) or add rows of the other class"
        )


def _check_features(train: pd.DataFrame, schema: Schema) -> None:
    empty = [name for name in schema.feature_names if train[name].isna().all()]
    if empty:
        raise InvalidData(
            f"column(s) {', '.join(empty)} are empty in every training row; only newer rows have values. Move the "
            "split (params.yaml, prepare) or remove them from schema.yaml"
        )


def _check_repeats(older: pd.DataFrame, test: pd.DataFrame, schema: Schema, params: PrepareParams) -> None:
    """Reject a table that was exported twice with different times: its test rows are also training rows, so a model
    that memorises them would look good.
    """
    columns = [name for name in schema.columns if name != schema.time.name]
    repeats = np.isin(hash_rows(test, columns), hash_rows(older, columns))
    count = int(repeats.sum())
    if count > params.max_repeated_share * len(test):
        first = test[repeats].iloc[0]
        identity = ", ".join(f"{column.name} {first[column.name]}" for column in (schema.time, *schema.identifiers))
        raise InvalidData(
            f"{count:,} of {len(test):,} test rows equal an older row in all columns but the time, more than "
            f"prepare.max_repeated_share = {params.max_repeated_share:g} of them (first: {identity}). A model that "
            "memorises them would look good. Was part of the table exported twice? If rows repeat by nature, add an "
            "identifier to schema.yaml that distinguishes them, or raise the limit"
        )


if __name__ == "__main__":
    run_stage("prepare", main)
