"""Stage ``prepare``: split the table into training and test rows.

Reads:  table.parquet, schema.yaml.
Gives:  train.parquet and test.parquet, each row with its hash. With a time column they are sorted by it, every test row
        is newer than every training row, and almost none repeats an older row. Without one they are divided by hash,
        and split.json has the limits.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from bundle import HashSplit
from pipelines.config.params import PrepareParams
from pipelines.config.schema import ROW_HASH, Schema, TimeColumn
from pipelines.dataset.files import SPLIT_JSON, TABLE, TEST, TRAIN, read_prepared, write_json, write_prepared
from pipelines.dataset.hash_split import is_test, split_of
from pipelines.dataset.trained_rows import hash_rows
from pipelines.errors import InvalidData, InvalidParams
from pipelines.stages.process import run_stage
from pipelines.targets.project import Project, load_project

__all__ = ["main", "split_by_hash", "split_by_time"]


def main() -> str:
    """Drop rows with an unknown target, and split the others."""
    project = load_project()
    table = read_prepared(TABLE, stage="validate")
    known = table[table[project.schema.target.name].notna()]
    split = None
    if project.schema.time is not None:
        train, test = split_by_time(known, project)
    else:
        train, test, split = split_by_hash(known, project)
    write_prepared(train, TRAIN)
    write_prepared(test, TEST)
    write_json(None if split is None else split.model_dump(mode="json"), SPLIT_JSON)
    summary = (
        f"{len(train):,} training rows, {len(test):,} test rows, {len(table) - len(known):,} without target dropped"
    )
    too_old = len(known) - len(train) - len(test)
    return f"{summary}, {too_old:,} older than prepare.train_last dropped" if too_old else summary


def split_by_time(rows: pd.DataFrame, project: Project) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Use the newest rows as the test set, so that no later row trains the model.

    Args:
        rows: (n, k), the columns of the schema, the time column as datetime.

    Returns:
        train (n - m, k + 1) and test (m, k + 1), sorted by time, with row hashes; ``train_last`` reduces train.

    Raises:
        InvalidData: one side is empty or cannot be learned from, a feature has no training value, or too many test
            rows repeat an older row.

    Source: Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd ed., section 5.10.
    """
    schema, params, time = project.schema, project.params.prepare, _time_of(project.schema)
    rows = rows.sort_values(time.name, kind="stable")
    rows = rows.assign(**{ROW_HASH: hash_rows(rows, schema.columns)})
    times = rows[time.name]
    start = _test_start(times, params)
    older, test = rows[times < start], rows[times >= start]
    train = older if params.train_last is None else older[older[time.name] >= start - params.train_last]
    _check_parts(train, test, project, where=f"on its side of {start}")
    _check_repeats(older, test, project)
    return train, test


def split_by_hash(rows: pd.DataFrame, project: Project) -> tuple[pd.DataFrame, pd.DataFrame, HashSplit]:
    """Use rows with a small hash as the test set: equal rows are on one side, as are the rows of one group.

    Args:
        rows: (n, k), the columns of the schema.

    Returns:
        train and test, in the order of the table, with row hashes; and the limits.

    Raises:
        InvalidData: one side is empty or cannot be learned from, a feature has no training value, a class has one row,
            or a row has no group.
    """
    params = project.params.prepare
    rows = rows.assign(**{ROW_HASH: hash_rows(rows, project.schema.columns)})
    if params.group is not None and rows[params.group].isna().any():
        raise InvalidData(
            f"{int(rows[params.group].isna().sum()):,} row(s) have no {params.group}, which is prepare.group: nothing "
            "says which rows they belong to; fill the cells, or give each of these rows a group of its own"
        )
    split, codes = split_of(rows, project, seed=params.seed, share=params.test_share or 0)
    tested = is_test(rows, split, codes, project.target.classes)
    train, test = rows[~tested], rows[tested]
    _check_parts(train, test, project, where="on its side of the split by hash")
    return train, test, split


def _time_of(schema: Schema) -> TimeColumn:
    if schema.time is None:
        raise InvalidParams("schema.yaml has no time column, so rows cannot be split by time")
    return schema.time


def _test_start(times: pd.Series[pd.Timestamp], params: PrepareParams) -> pd.Timestamp:
    if params.test_from is not None:
        return pd.Timestamp(datetime.fromisoformat(params.test_from.isoformat()))
    if params.test_last is not None:
        return times.iloc[-1] - params.test_last
    return times.iloc[int(len(times) * (1 - (params.test_share or 0)))]


def _check_parts(train: pd.DataFrame, test: pd.DataFrame, project: Project, *, where: str) -> None:
    for name, part in (("training", train), ("test", test)):
        if part.empty:
            raise InvalidData(f"the {name} set is empty: no row {where}; change the split (params.yaml, prepare)")
        truth = project.task.truth(part[project.schema.target.name].to_numpy())
        problem = project.task.unlearnable(truth, train=name == "training")
        if problem:
            raise InvalidData(
                f"the {name} set cannot be used: {problem} {where}; add rows or change the split (params.yaml, prepare)"
            )
    _check_features(train, project.schema)


def _check_features(train: pd.DataFrame, schema: Schema) -> None:
    empty = [name for name in schema.feature_names if train[name].isna().all()]
    if empty:
        raise InvalidData(
            f"column(s) {', '.join(empty)} are empty in every training row; only test rows have values. Change the "
            "split (params.yaml, prepare) or remove them from schema.yaml"
        )
    full = [feature.name for feature in schema.features if feature.optional and train[feature.name].notna().all()]
    if full:
        raise InvalidData(
            f"column(s) {', '.join(full)} are optional, but every training row has a value: the model would not learn "
            "what to predict for requests that leave them out. Empty the cells of rows from before the column existed, "
            "or remove optional from schema.yaml"
        )


def _check_repeats(older: pd.DataFrame, test: pd.DataFrame, project: Project) -> None:
    """Reject a table that was exported twice with different times: its test rows are also training rows, so a model
    that memorises them would look good.
    """
    schema, params, time = project.schema, project.params.prepare, _time_of(project.schema)
    columns = [name for name in schema.columns if name != time.name]
    repeats = np.isin(hash_rows(test, columns), hash_rows(older, columns))
    count = int(repeats.sum())
    if count > params.max_repeated_share * len(test):
        first = test[repeats].iloc[0]
        identity = ", ".join(f"{column.name} {first[column.name]}" for column in (time, *schema.identifiers))
        raise InvalidData(
            f"{count:,} of {len(test):,} test rows equal an older row in all columns but the time, more than "
            f"prepare.max_repeated_share = {params.max_repeated_share:g} of them (first: {identity}). A model that "
            "memorises them would look good. Was part of the table exported twice? If rows repeat by nature, add an "
            "identifier to schema.yaml that distinguishes them, or raise the limit"
        )


if __name__ == "__main__":
    run_stage("prepare", main)
