"""Stage ``validate``: check the table against schema.yaml.

Reads:  work/raw in pieces, schema.yaml.
Gives:  table.parquet with the types of the schema and the hash of each row, and validate.json (rows, copies, share of
        missing values); or an error that names row, column and rule of each problem.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from pipelines.config.params import ValidateParams
from pipelines.config.schema import ROW_HASH, Schema
from pipelines.dataset.columns import arrow_schema
from pipelines.dataset.files import TABLE, VALIDATE_JSON, raw_table, write_json
from pipelines.dataset.rows import piece_rows, write_rows
from pipelines.dataset.table import Table
from pipelines.dataset.table_check import TableCheck, check_columns
from pipelines.dataset.tables import open_table
from pipelines.progress import progress_bar
from pipelines.stages.process import run_stage
from pipelines.targets.project import load_project

__all__ = ["check_table", "main"]


def main() -> str:
    """Check the whole table before any other stage uses it."""
    project = load_project()
    schema, source = project.schema, open_table(raw_table(), project.schema)
    check = TableCheck(schema, project.params.validate_)
    check_columns(source.columns, schema)
    ignored = [column for column in schema.ignored if column.name in source.columns]
    columns = [*schema.columns, *(column.name for column in ignored)]
    write_rows(_checked(source, columns, check), TABLE, arrow_schema(schema, ignored))
    write_json({"rows": check.rows, "copies": check.copies, "missing_share": check.missing_share}, VALIDATE_JSON)
    return f"{check.rows:,} rows of {source.path.name} match schema.yaml"


def _checked(source: Table, columns: Sequence[str], check: TableCheck) -> Iterator[pd.DataFrame]:
    with progress_bar("checking", max(1, -(-source.rows // piece_rows(len(columns))))) as advance:
        for piece in source.pieces(columns):
            checked = check.add(piece)
            if checked is not None:
                yield checked
            advance(f"{check.rows:,} rows")
    check.finish()


def check_table(table: pd.DataFrame, schema: Schema, params: ValidateParams) -> pd.DataFrame:
    """Return a table in memory with the types of the schema, classes as their codes, and times as local times of its
    time zone.

    Raises:
        InvalidData: what ``TableCheck`` finds.
    """
    check = TableCheck(schema, params)
    checked = check.add(table)
    check.finish()
    assert checked is not None  # noqa: S101 (finish has raised if a row has a problem)
    return checked.drop(columns=ROW_HASH)


if __name__ == "__main__":
    run_stage("validate", main)
