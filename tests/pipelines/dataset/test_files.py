from pathlib import Path

import pandas as pd
import pytest

from pipelines.dataset.files import TRAIN, raw_table, read_json, read_prepared
from pipelines.dataset.tables import read_table
from pipelines.errors import InvalidData, MissingData


def test_parquet_is_read(project, schema, table, tmp_path):
    path = tmp_path / "trees.parquet"
    table.to_parquet(path)

    pd.testing.assert_frame_equal(read_table(path, schema), table.astype({"bears": float}))


@pytest.mark.parametrize("name", ["trees.xlsx", "trees.parquet"])
def test_unreadable_table_is_reported(project, schema, name):
    Path(name).write_text("nothing of the sort")

    with pytest.raises(InvalidData, match=name):
        read_table(Path(name), schema)


def test_missing_table_file_is_reported(project, schema):
    with pytest.raises(MissingData, match=r"absent\.csv"):
        read_table(Path("absent.csv"), schema)


def test_missing_output_of_an_earlier_stage_is_reported(project):
    with pytest.raises(MissingData, match=r"python -m pipelines\.stages\.fetch"):
        raw_table()
    with pytest.raises(MissingData, match=r"python -m pipelines\.stages\.prepare"):
        read_prepared(TRAIN)
    with pytest.raises(MissingData, match=r"python -m pipelines\.stages\.train"):
        read_json(Path("pipelines/work/run.json"), stage="train")
