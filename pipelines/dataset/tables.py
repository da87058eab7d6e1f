"""Open the table of a project, in whatever format it is."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipelines.config.schema import Schema
from pipelines.dataset.csv_table import CsvTable
from pipelines.dataset.parquet_table import ParquetTable
from pipelines.dataset.table import Table
from pipelines.errors import InvalidData

__all__ = ["open_table", "read_table"]


def open_table(path: Path, schema: Schema) -> Table:
    """Open a CSV file, a Parquet file, or a folder of Parquet files: categories, identifiers and classes will be read
    as texts, other columns unchanged.

    Raises:
        InvalidData: it has another format or is damaged; a row has more or fewer cells than the header, or the header
            has a duplicate name.
        MissingData: there is no such file.
    """
    texts = [column.name for column in schema.identifiers]
    texts += [column.name for column in (*schema.features, *schema.ignored) if column.type == "category"]
    texts += [schema.target.name] if schema.target.is_text else []
    if path.suffix == ".parquet" or path.is_dir():
        return ParquetTable(path, texts)
    if path.suffix == ".csv":
        return CsvTable(path, [*([schema.time.name] if schema.time else []), *texts])
    raise InvalidData(f"{path}: the table must be a .csv or .parquet file, or a folder of .parquet files")


def read_table(path: Path, schema: Schema) -> pd.DataFrame:
    """Read a table at once.

    Raises:
        InvalidData, MissingData: as ``open_table``.
    """
    return open_table(path, schema).read()
