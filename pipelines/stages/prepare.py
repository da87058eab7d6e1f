"""Stage ``prepare``: split the table into training and test rows.

Reads:  table.parquet in pieces, schema.yaml.
Gives:  train.parquet and test.parquet. With a time column they are sorted by it, every test row is newer than every
        training row, and almost none repeats an older row. Without one they are divided by hash, and split.json has the
        limits.
"""

from __future__ import annotations

import pandas as pd

from bundle import HashSplit
from pipelines.config.schema import ROW_HASH
from pipelines.config.settings import load_settings
from pipelines.dataset.files import SPLIT_JSON, TABLE, TEST, TRAIN, write_json
from pipelines.dataset.hash_split import divide_by_hash
from pipelines.dataset.rows import FileRows, FrameRows, SelectedRows, write_rows
from pipelines.dataset.sorting import Sorting
from pipelines.dataset.time_split import split_at, time_of
from pipelines.dataset.trained_rows import hash_rows
from pipelines.stages.process import run_stage
from pipelines.targets.project import Project, load_project

__all__ = ["main", "split_by_hash", "split_by_time"]


def main() -> str:
    """Drop rows with an unknown target, and split the others."""
    project = load_project()
    table = FileRows(TABLE, stage="validate")
    is_known = table.column(project.schema.target.name).notna().to_numpy()
    known = SelectedRows(table, is_known)
    split = None
    if project.schema.time is not None:
        split_time = split_at(known, project)
        sorting = Sorting(
            TABLE,
            by=project.schema.time.name,
            known=project.schema.target.name,
            memory_mib=load_settings().sort_memory_mib,
        )
        train = write_rows(sorting.rows(split_time.oldest, split_time.start), TRAIN, table.schema)
        test = write_rows(sorting.rows(split_time.start, None), TEST, table.schema)
    else:
        tests, split = divide_by_hash(known, project)
        train = write_rows(SelectedRows(known, ~tests).pieces(), TRAIN, table.schema)
        test = write_rows(SelectedRows(known, tests).pieces(), TEST, table.schema)
    write_json(None if split is None else split.model_dump(mode="json"), SPLIT_JSON)
    summary = f"{train:,} training rows, {test:,} test rows, {len(table) - len(known):,} without target dropped"
    too_old = len(known) - train - test
    return f"{summary}, {too_old:,} older than prepare.train_last dropped" if too_old else summary


def split_by_time(rows: pd.DataFrame, project: Project) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide rows in memory by time, as the stage does it.

    Args:
        rows: (n, k), the columns of the schema, the time column as datetime.

    Returns:
        train (n - m, k + 1) and test (m, k + 1), sorted by time, with row hashes; ``train_last`` reduces train.

    Raises:
        InvalidData: as ``split_at``.
    """
    time = time_of(project.schema).name
    rows = _with_hashes(rows.sort_values(time, kind="stable"), project)
    split = split_at(FrameRows(rows), project)
    return rows[split.trains(rows[time])], rows[split.tests(rows[time])]


def split_by_hash(rows: pd.DataFrame, project: Project) -> tuple[pd.DataFrame, pd.DataFrame, HashSplit]:
    """Divide rows in memory by hash, as the stage does it.

    Returns:
        train and test, in the order of the table, with row hashes; and the limits.

    Raises:
        InvalidData: as ``divide_by_hash``.
    """
    rows = _with_hashes(rows, project)
    tests, split = divide_by_hash(FrameRows(rows), project)
    return rows[~tests], rows[tests], split


def _with_hashes(rows: pd.DataFrame, project: Project) -> pd.DataFrame:
    return rows.assign(**{ROW_HASH: hash_rows(rows, project.schema.columns)})


if __name__ == "__main__":
    run_stage("prepare", main)
