"""Read a table of which nothing is known yet, and say what is wrong with a file that cannot be used.

Reads:  a .csv or .parquet file.
Gives:  its columns: those of a CSV file as texts, so that nothing is lost before ``values`` looks at them.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.dataset.csv_table import CsvTable
from pipelines.dataset.parquet_table import ParquetTable
from pipelines.errors import InvalidData, MissingData

__all__ = ["SUFFIXES", "read_unknown_table"]

SUFFIXES = (".csv", ".parquet")
OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
MIN_COLUMNS = 2


def read_unknown_table(path: Path) -> pd.DataFrame:
    """Read every column of a table.

    Raises:
        MissingData: there is no such file.
        InvalidData: it cannot be read, or has no rows, one column, or two columns with the same name.
    """
    if path.suffix not in SUFFIXES:
        raise InvalidData(f"{path}: the table must be a .csv or .parquet file; convert it, for example with pandas")
    if not path.is_file():
        raise MissingData(f"{path} not found" if not path.exists() else f"{path} is not a file")
    if path.stat().st_size == 0:
        raise InvalidData(f"{path} is empty: it has 0 bytes")
    table = _read_csv(path) if path.suffix == ".csv" else _read_parquet(path)
    if table.empty:
        raise InvalidData(f"{path} has no rows, only the names of {len(table.columns)} column(s)")
    return table


def _read_csv(path: Path) -> pd.DataFrame:
    _check_encoding(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
        _check_header(path, header)
        # Columns without a name are given one by pandas, so the texts are chosen by it too.
        names = list(pd.read_csv(path, nrows=0).columns)
        return CsvTable(path, names).read()
    except InvalidData:
        raise
    except (ValueError, OSError, csv.Error) as error:
        raise InvalidData(f"cannot read {path}: {error}") from error


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        names = pq.read_schema(path).names
        _check_names(path, names)
        return ParquetTable(path, []).read()
    except (OSError, pa.ArrowException) as error:
        raise InvalidData(f"{path} is not a Parquet file that can be read: {str(error).splitlines()[0]}") from error


def _check_encoding(path: Path) -> None:
    """Reject what is not UTF-8, with the line: pandas names only the place of the byte."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                raise InvalidData(
                    f"{path}, line {number}: byte 0x{line[error.start]:02x} is not UTF-8; convert the file, for "
                    f"example with: iconv -f WINDOWS-1252 -t UTF-8 {path.name} > converted.csv"
                ) from error
            if b"\0" in line:
                raise InvalidData(f"{path}, line {number}: a zero byte; the file is damaged, or is not a CSV file")


def _check_header(path: Path, header: Sequence[str]) -> None:
    if len(header) == 1:
        for separator, name in OTHER_SEPARATORS.items():
            if separator in header[0]:
                raise InvalidData(
                    f"{path}, line 1: the cells are separated by {name}; only commas are read. Convert it, for example "
                    f"with pandas: read_csv(…, sep={separator!r}) and to_csv(…, index=False)"
                )
    _check_names(path, header)


def _check_names(path: Path, names: Sequence[str]) -> None:
    repeated = sorted({name for name in names if name and list(names).count(name) > 1})
    if repeated:
        raise InvalidData(f"{path}: duplicate column(s) in the header: {', '.join(repeated)}; rename them")
    if len(names) < MIN_COLUMNS:
        raise InvalidData(f"{path} has one column, and a table needs the target and at least one feature")
